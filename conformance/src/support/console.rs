//! Console: what the program says for itself, and its exit status when its output cannot be written.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write as _};
use std::process::ExitCode;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use rustix::termios::tcgetwinsize;

/// How a table looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableStyle {
    /// With lines, for people at a terminal that is so wide, if it tells.
    Lines(Option<u16>),
    /// Plain columns and one line for each row, for pipes and files.
    Plain,
}

impl TableStyle {
    /// What suits standard output.
    pub(crate) fn of_output() -> Self {
        let out = io::stdout();
        if !out.is_terminal() {
            return Self::Plain;
        }
        Self::Lines(tcgetwinsize(out).ok().map(|size| size.ws_col).filter(|&width| width > 0))
    }
}

/// A table whose first `names` columns are texts and all others figures. At a terminal, titles and texts are
/// wrapped to its width; a figure never is, for half of one would look like another.
pub(crate) fn columns(
    header: &[&str],
    rows: &[Vec<String>],
    names: usize,
    style: TableStyle,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in table.column_iter_mut().enumerate().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
        let longest = rows.iter().map(|row| row[index].chars().count()).max().unwrap_or(0);
        let padding = usize::from(column.padding_width());
        let least = u16::try_from(longest + padding).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(least)));
    }
    if let TableStyle::Lines(width) = style {
        table.load_style(presets::UTF8_FULL_CONDENSED);
        if let Some(width) = width {
            table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
        }
    }
    // Padding at the end of a line would only be in the way of whoever copies it.
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Says one line on standard error.
pub(crate) fn print_error(line: impl Display) {
    // Where even this cannot be written there is nobody left to tell.
    writeln!(anstream::stderr(), "{line}").ok();
}

/// The exit status of a command that may have failed to write its output: then it is not known what it
/// would have told, save that a reader who left in the middle, as `head` does, wants to hear no more.
pub(crate) fn exit_status(outcome: io::Result<ExitCode>) -> ExitCode {
    match outcome {
        Ok(status) => status,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::from(BROKEN_PIPE),
        Err(error) => {
            print_error(format_args!("conformance: the output cannot be written: {error}"));
            ExitCode::from(INCONCLUSIVE)
        }
    }
}

/// The exit status when nothing can be said about the server.
pub(crate) const INCONCLUSIVE: u8 = 2;
/// That of a command line that cannot be carried out.
pub(crate) const USAGE: u8 = 3;
/// That of a program which SIGPIPE has ended, as a shell reports it: 128 and the signal's number.
const BROKEN_PIPE: u8 = 128 + 13;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one per member and wake-up, gathered from a log that all of them share";

    fn table(style: TableStyle) -> String {
        let rows = [["select", TEXT, "0.0160"].map(String::from).to_vec()];
        columns(&["entrant", "how it works", "CPU-µs each"], &rows, 2, style)
    }

    #[test]
    fn a_table_fits_its_terminal_and_keeps_its_figures_whole() {
        let text = table(TableStyle::Lines(Some(50)));
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
        assert!(text.contains("select") && text.contains("0.0160"), "{text}");
    }

    #[test]
    fn elsewhere_a_row_is_a_line() {
        for style in [TableStyle::Plain, TableStyle::Lines(None)] {
            let text = table(style);
            assert!(text.lines().any(|line| line.contains(TEXT)), "{text}");
        }
        assert_eq!(2, table(TableStyle::Plain).lines().count());
    }
}
