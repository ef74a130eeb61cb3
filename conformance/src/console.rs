//! Console: what the program says for itself, and its exit status when its output cannot be written.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write as _};
use std::process::ExitCode;

use comfy_table::{CellAlignment, Table, presets};

/// How a table looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// With lines, for people at a terminal.
    Lines,
    /// Plain columns, for pipes and files.
    Plain,
}

impl Frame {
    /// What suits standard output.
    pub(crate) fn of_output() -> Self {
        if io::stdout().is_terminal() { Self::Lines } else { Self::Plain }
    }
}

/// A table whose first `names` columns are texts and all others figures.
pub(crate) fn columns(header: &[&str], rows: &[Vec<String>], names: usize, frame: Frame) -> String {
    let mut table = Table::new();
    let is_framed = frame == Frame::Lines;
    table.load_style(if is_framed { presets::UTF8_FULL_CONDENSED } else { presets::NOTHING });
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.column_iter_mut().skip(names).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
    // Padding at the end of a line would only be in the way of whoever copies it.
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Says one line on standard error.
pub(crate) fn complain(line: impl Display) {
    // Where even this cannot be written there is nobody left to tell.
    writeln!(anstream::stderr(), "{line}").ok();
}

/// The exit status of a command that may have failed to write its output: then it is not known what it
/// would have told, save that a reader who left in the middle, as `head` does, wants to hear no more.
pub(crate) fn exit_status(outcome: io::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(status) => status,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(READER_LEFT),
        Err(error) => {
            complain(format_args!("conformance: the output cannot be written: {error}"));
            ExitCode::from(INCONCLUSIVE)
        }
    }
}

/// The exit status when nothing can be said about the server.
pub(crate) const INCONCLUSIVE: u8 = 2;
/// That of a program which SIGPIPE has ended, as a shell reports it: 128 and the signal's number.
const READER_LEFT: u8 = 128 + 13;
