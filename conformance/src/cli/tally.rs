//! Tally: prints a line for each row, counts the results, and prints the summary.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};

use crate::suite::failure::Failure;
use crate::suite::{Row, Verdict};
use crate::support::console::INCONCLUSIVE;

/// The results of the rows so far.
#[derive(Default)]
pub(super) struct Tally {
    passed: u64,
    recorded: u64,
    inconclusive: u64,
    failures: Vec<Failure>,
    weaknesses: Vec<Failure>,
    /// The number of rows that were left out, for each word and reason.
    skipped: BTreeMap<(&'static str, String), u64>,
}

impl Tally {
    /// The number of rows so far.
    pub(super) fn rows(&self) -> u64 {
        let broken = self.failures.len() + self.weaknesses.len();
        self.passed + self.recorded + self.inconclusive + self.left_out() + broken as u64
    }

    /// Counts one row.
    pub(super) fn count(&mut self, row: Row<'_>) {
        let word = row.verdict.word();
        match row.verdict {
            Verdict::Pass(_) => self.passed += 1,
            Verdict::Fail(failure) => self.failures.push(*failure),
            Verdict::Weak(failure) => self.weaknesses.push(*failure),
            Verdict::Info(_) | Verdict::Differs(_) => self.recorded += 1,
            Verdict::Inconclusive(_) => self.inconclusive += 1,
            Verdict::Skip(reason) | Verdict::Unsupported(reason) => self.leave_out(word, reason),
        }
    }

    /// Writes every failure in full, then the numbers, then the reasons for rows that were left
    /// out.
    ///
    /// # Errors
    ///
    /// The output cannot be written.
    pub(super) fn write_summary(&self, out: &mut impl Write, seed: u64) -> io::Result<()> {
        for failure in self.failures.iter().chain(&self.weaknesses) {
            writeln!(out, "\n{failure}")?;
        }
        writeln!(
            out,
            "\n{} rules: {} passed, {} failed, {} weak, {} recorded, {} left out, {} inconclusive (seed {seed})",
            self.rows(),
            self.passed,
            self.failures.len(),
            self.weaknesses.len(),
            self.recorded,
            self.left_out(),
            self.inconclusive,
        )?;
        for ((word, reason), count) in &self.skipped {
            writeln!(out, "  {count:>3} {word}: {reason}")?;
        }
        out.flush()
    }

    /// The exit status. A failure counts more than an inconclusive row. Without any result, the run
    /// is inconclusive.
    pub(super) fn status(&self) -> ExitCode {
        let is_empty = self.passed + self.recorded == 0 && self.weaknesses.is_empty();
        match (self.failures.is_empty(), self.inconclusive == 0 && !is_empty) {
            (false, _) => ExitCode::from(1),
            (true, false) => ExitCode::from(INCONCLUSIVE),
            (true, true) => ExitCode::SUCCESS,
        }
    }

    fn leave_out(&mut self, word: &'static str, reason: String) {
        *self.skipped.entry((word, reason)).or_default() += 1;
    }

    fn left_out(&self) -> u64 {
        self.skipped.values().sum()
    }
}

/// Writes the result of one row.
///
/// # Errors
///
/// The output cannot be written.
pub(super) fn write_row(out: &mut impl Write, row: &Row<'_>) -> io::Result<()> {
    let Row { rule, verdict, elapsed } = row;
    let style = style(verdict);
    let remark = match verdict {
        Verdict::Pass(Some(text))
        | Verdict::Info(text)
        | Verdict::Skip(text)
        | Verdict::Unsupported(text)
        | Verdict::Inconclusive(text) => format!(" ({})", text.replace('\n', " ")),
        Verdict::Differs(failure) => format!(" ({})", failure.error),
        _ => String::new(),
    };
    writeln!(
        out,
        "{style}{:<12}{style:#} {}  {:>5} ms  {}{remark}",
        verdict.word(),
        rule.id,
        elapsed.as_millis(),
        rule.sentence,
    )
}

fn style(verdict: &Verdict) -> Style {
    let color = match verdict {
        Verdict::Pass(_) => AnsiColor::Green,
        Verdict::Fail(_) => AnsiColor::Red,
        Verdict::Weak(_) | Verdict::Inconclusive(_) => AnsiColor::Yellow,
        Verdict::Info(_) | Verdict::Differs(_) => AnsiColor::Cyan,
        Verdict::Unsupported(_) | Verdict::Skip(_) => AnsiColor::BrightBlack,
    };
    color.on_default()
}
