//! Console: tables, error messages, and the exit status when the output cannot be written.

use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write as _};
use std::process::ExitCode;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use rustix::termios::tcgetwinsize;

/// The style of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableStyle {
    /// With ruled lines, for a terminal with this number of columns, if it is known.
    Lines(Option<u16>),
    /// Plain columns with one line per row, for pipes and files.
    Plain,
}

impl TableStyle {
    /// The style that suits standard output.
    pub(crate) fn of_output() -> Self {
        let out = io::stdout();
        if !out.is_terminal() {
            return Self::Plain;
        }
        Self::Lines(tcgetwinsize(out).ok().map(|size| size.ws_col).filter(|&width| width > 0))
    }
}

/// A table whose first `names` columns are texts and whose other columns are figures. For a
/// terminal, titles and texts are wrapped to its width. Figures are not wrapped, because half a
/// figure would look like another figure.
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
    // Padding at the end of a line would be copied with it.
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// Prints one line on standard error.
pub(crate) fn print_error(line: impl Display) {
    // If this fails as well, there is no other output.
    writeln!(anstream::stderr(), "{line}").ok();
}

/// The exit status of a command. If its output cannot be written, the result is inconclusive; but
/// if the reader has closed the pipe, as `head` does, the status is that of a program that SIGPIPE
/// has ended.
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

/// The exit status of a run without a result.
pub(crate) const INCONCLUSIVE: u8 = 2;
/// The exit status for a wrong command line.
pub(crate) const USAGE: u8 = 3;
/// The exit status of a program that SIGPIPE has ended, as a shell reports it: 128 plus the
/// signal's number.
const BROKEN_PIPE: u8 = 128 + 13;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "one per member and wake-up, batched from a log that all of them share";

    fn table(style: TableStyle) -> String {
        let rows = [["select", TEXT, "0.0160"].map(String::from).to_vec()];
        columns(&["entrant", "how it works", "CPU-µs each"], &rows, 2, style)
    }

    #[test]
    fn a_table_fits_its_terminal_and_no_figure_is_wrapped() {
        let text = table(TableStyle::Lines(Some(50)));
        assert!(text.lines().all(|line| line.chars().count() <= 50), "{text}");
        assert!(text.contains("select") && text.contains("0.0160"), "{text}");
    }

    #[test]
    fn without_a_terminal_a_row_is_one_line() {
        for style in [TableStyle::Plain, TableStyle::Lines(None)] {
            let text = table(style);
            assert!(text.lines().any(|line| line.contains(TEXT)), "{text}");
        }
        assert_eq!(2, table(TableStyle::Plain).lines().count());
    }
}
