//! Layout: wraps texts at spaces, and aligns tables within a width.

/// The columns of a terminal that every line of the lab fits.
pub(crate) const WIDTH: usize = 80;

/// How much of a report is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The main figures, in lines of at most 80 columns.
    Narrow,
    /// All figures, a line for each entrant at each point, in lines of any length.
    Wide,
}

impl Form {
    /// The width of its tables, if it is bounded.
    pub(crate) fn width(self) -> Option<usize> {
        (self == Self::Narrow).then_some(WIDTH)
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// One cell for each column.
    Cells(Vec<String>),
    /// A line across all columns, such as the title of a group.
    Line(String),
}

/// Wraps a text at spaces to [`WIDTH`]. Lines after the first have this indent. A longer word stays whole.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let start = text.len() - text.trim_start().len();
    let lines = fold(text.split_whitespace(), WIDTH - start, WIDTH - indent);
    format!("{}{}", " ".repeat(start), lines.join(&format!("\n{}", " ".repeat(indent))))
}

/// Wraps a shell command outside of quotes, with a backslash at each break.
pub(crate) fn wrapped_command(command: &str, indent: usize) -> String {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let words = command.split(|char| {
        match char {
            '\'' if !is_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        is_escaped = char == '\\' && !is_quoted && !is_escaped;
        char == ' ' && !is_quoted
    });
    let width = WIDTH - indent - BREAK.len();
    let margin = " ".repeat(indent);
    format!("{margin}{}", fold(words, width, width).join(&format!("{BREAK}\n{margin}")))
}

/// Renders a table. The first `texts` columns are aligned to the left, the others are figures, aligned to the right.
///
/// A title is wrapped to the width of its column. If the table exceeds the width, its last column is wrapped if it is a
/// text. If that does not suffice, each long cell of the first column is on a separate line. A figure is never broken.
pub(crate) fn table(header: &[&str], rows: &[Row], texts: usize, width: Option<usize>) -> String {
    let mut widths = column_widths(header, rows, TITLE_MIN);
    if let Some(width) = width.filter(|&width| total(&widths) > width) {
        widths = column_widths(header, rows, 0);
        fit(&mut widths, texts, width);
    }
    let mut lines = titles(header, &widths, texts);
    for row in rows {
        match row {
            Row::Line(line) => lines.push(wrapped(line, GAP)),
            Row::Cells(cells) => lines.extend(cell_lines(cells, &widths, texts)),
        }
    }
    lines.join("\n")
}

impl Row {
    fn cells(&self) -> Option<&Vec<String>> {
        match self {
            Self::Cells(cells) => Some(cells),
            Self::Line(_) => None,
        }
    }
}

/// The width of each column: the greatest of its longest cell, the longest word of its title, and the length of the
/// title up to `title_min`.
fn column_widths(header: &[&str], rows: &[Row], title_min: usize) -> Vec<usize> {
    let of_title = |title: &&str| longest_word(title).max(length(title).min(title_min));
    let mut widths: Vec<usize> = header.iter().map(of_title).collect();
    for cells in rows.iter().filter_map(Row::cells) {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = length(cell).max(*width);
        }
    }
    widths
}

/// The width of a line with columns of these widths.
fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

/// Narrows the last column if it is a text, and then the first one, until all fit the width.
fn fit(widths: &mut [usize], texts: usize, width: usize) {
    let last = widths.len() - 1;
    for (index, least) in [(last, LAST_MIN), (0, FIRST_MIN)] {
        let all = total(widths);
        if index < texts && all > width {
            widths[index] = widths[index].saturating_sub(all - width).max(least);
        }
    }
}

/// The lines of the header. Titles are aligned at the bottom.
fn titles(header: &[&str], widths: &[usize], texts: usize) -> Vec<String> {
    let titles =
        header.iter().zip(widths).map(|(title, &width)| fold(title.split(' '), width, width));
    let titles: Vec<Vec<String>> = titles.collect();
    let height = titles.iter().map(Vec::len).max().unwrap_or(0);
    let line = |index: usize| {
        let cells = titles.iter().map(|lines| {
            (index + lines.len())
                .checked_sub(height)
                .map_or_else(String::new, |at| lines[at].clone())
        });
        aligned(&cells.collect::<Vec<_>>(), widths, texts)
    };
    (0..height).map(line).collect()
}

/// The lines of a row; it has more than one if its first or its last cell does not fit.
fn cell_lines(cells: &[String], widths: &[usize], texts: usize) -> Vec<String> {
    let (mut cells, mut lines) = (cells.to_vec(), Vec::new());
    if length(&cells[0]) > widths[0] {
        lines.push(std::mem::take(&mut cells[0]));
    }
    let last = cells.len() - 1;
    let mut rest = Vec::new();
    if texts == cells.len() && length(&cells[last]) > widths[last] {
        let mut parts =
            fold(cells[last].split_whitespace(), widths[last], widths[last]).into_iter();
        cells[last] = parts.next().unwrap_or_default();
        rest.extend(parts);
    }
    lines.push(aligned(&cells, widths, texts));
    lines.extend(rest.into_iter().map(|part| {
        let mut cells = vec![String::new(); cells.len()];
        cells[last] = part;
        aligned(&cells, widths, texts)
    }));
    lines
}

/// A line of cells, without padding at its end.
fn aligned(cells: &[String], widths: &[usize], texts: usize) -> String {
    let padded = cells.iter().zip(widths).enumerate().map(|(index, (cell, &width))| {
        if index < texts { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    });
    padded.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
}

/// Folds words into lines of this width; the width of the first line may differ.
fn fold<'a>(words: impl Iterator<Item = &'a str>, first: usize, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        let room = if lines.len() > 1 { width } else { first };
        match lines.last_mut() {
            Some(line) if length(line) + 1 + length(word) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn longest_word(text: &str) -> usize {
    text.split(' ').map(length).max().unwrap_or(0)
}

/// The columns that a text takes on a terminal: the lab prints no wide characters.
fn length(text: &str) -> usize {
    text.chars().count()
}

/// Spaces between columns.
const GAP: usize = 2;
/// A title up to this length stays on one line if the table fits the width.
const TITLE_MIN: usize = 12;
/// The least width of a last column that is wrapped.
const LAST_MIN: usize = 24;
/// The least width of a first column.
const FIRST_MIN: usize = 8;
/// What ends a line of a command that continues.
const BREAK: &str = " \\";

#[cfg(test)]
mod tests;
