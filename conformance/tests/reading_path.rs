//! The reading path: what ARCHITECTURE.md says of its length, held against the files.

use std::fs;
use std::path::Path;

/// The path, without tests, is at most so long.
const LINES_MAX: usize = 1800;

/// Columns of one line at most: two files fit side by side on a wide screen.
const COLUMNS_MAX: usize = 120;

#[test]
fn the_reading_path_is_as_long_as_its_table_says() {
    let steps = steps();
    assert!(steps.len() >= 10, "only {} steps were found: the search is wrong", steps.len());
    let mut sum = 0;
    for step in &steps {
        let lines = step.text().lines().count();
        assert_eq!(lines, step.lines, "ARCHITECTURE.md, lines of {} {}", step.file, step.part);
        sum += lines;
    }
    assert_eq!(sum, total(), "ARCHITECTURE.md, lines of the whole path");
    assert!(sum <= LINES_MAX, "the reading path has {sum} lines, and {LINES_MAX} are allowed");
}

#[test]
fn every_step_of_the_reading_path_is_read_without_scrolling_sideways() {
    for step in steps().iter().filter(|step| has_extension(&step.file, "rs")) {
        for line in step.text().lines() {
            assert!(line.chars().count() <= COLUMNS_MAX, "{}: {line}", step.file);
        }
    }
}

#[test]
fn a_step_ends_where_its_part_or_its_tests_begin() {
    let text = "# A\none\n## Two ideas\nfour\nfive\n## Rest\nseven\n";
    assert_eq!("## Two ideas\nfour\nfive", part(text, "Two ideas"));
    assert_eq!("# A\none", part(text, "up to Two ideas"));
    assert_eq!("fn one() {}\n", without_tests("fn one() {}\n\n#[cfg(test)]\nmod tests {}\n"));
}

/// One row of the table: a file, or a part of it.
struct Step {
    file: String,
    /// `""` for the whole file, a heading, or `up to` a heading.
    part: String,
    lines: usize,
}

impl Step {
    fn text(&self) -> String {
        let text = source(&self.file);
        if self.part.is_empty() { without_tests(&text) } else { part(&text, &self.part) }
    }
}

/// The rows ``| `file`, part | lines | … |`` of ARCHITECTURE.md.
fn steps() -> Vec<Step> {
    rows()
        .filter_map(|[read, lines]| {
            let (file, part) = read.strip_prefix("[`")?.split_once("`]")?;
            let part = part.split_once("), ").map_or("", |(_, part)| part);
            Some(Step { file: file.into(), part: part.into(), lines: lines.parse().ok()? })
        })
        .collect()
}

/// The sum that the table gives.
fn total() -> usize {
    let total = rows().find_map(|[read, lines]| (read == "**all**").then(|| lines.parse().ok())?);
    total.expect("the table ends with a row of the sum")
}

fn rows() -> impl Iterator<Item = [String; 2]> {
    let text = source("ARCHITECTURE.md");
    let rows: Vec<_> = text
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ").map(str::to_owned);
            Some([cells.next()?, cells.next()?])
        })
        .collect();
    rows.into_iter()
}

/// The lines under a heading with the heading, or those before it.
fn part(text: &str, part: &str) -> String {
    let is_heading = |line: &str, title: &str| line.trim_start_matches('#').trim() == title;
    let lines: Vec<&str> = text.lines().collect();
    let find = |title: &str| lines.iter().position(|line| is_heading(line, title));
    if let Some(title) = part.strip_prefix("up to ") {
        return lines[..find(title).expect("the heading exists")].join("\n");
    }
    let start = find(part).expect("the heading exists");
    let rest = &lines[start + 1..];
    let end = rest.iter().position(|line| line.starts_with("## ")).unwrap_or(rest.len());
    lines[start..=start + end].join("\n")
}

/// The text of a source file up to its tests.
fn without_tests(text: &str) -> String {
    let end = text.find("\n#[cfg(test)]\n").unwrap_or(text.len());
    text[..end].to_owned()
}

fn has_extension(file: &str, extension: &str) -> bool {
    Path::new(file).extension().is_some_and(|found| found == extension)
}

fn source(file: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate is in a folder");
    fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}
