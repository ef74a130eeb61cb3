//! Diff: compares two reports, and lists the figures that changed by more than the noise.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::lab::layout::{Row, WIDTH, table, wrapped};
use crate::lab::result::metric::{Better, METRICS, Metric};
use crate::lab::result::record::Record;
use crate::lab::result::standing::{noise_at, void_at};
use crate::lab::result::statistics::{Summary, is_tie};
use crate::support::console::{INCONCLUSIVE, print_error};

/// The reports to compare.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    /// The lab.json from before the change
    #[arg(value_name = "BEFORE.json")]
    before: PathBuf,
    /// The lab.json from after the change
    #[arg(value_name = "AFTER.json")]
    after: PathBuf,
}

/// Prints what changed by more than the noise. The exit status is 0 if no figure became worse, 1 if one did,
/// 2 if the reports cannot be compared, 3 if one of the files is no report.
///
/// # Errors
///
/// The comparison cannot be written.
pub fn run(args: &DiffArgs) -> io::Result<ExitCode> {
    let (before, after) = match (Record::read(&args.before), Record::read(&args.after)) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => {
            print_error(format_args!("diff: {error}"));
            return Ok(ExitCode::from(NO_REPORT));
        }
    };
    let differences = obstacles(&before, &after);
    if !differences.is_empty() {
        print_error(format_args!(
            "diff: these reports cannot be compared; {}",
            differences.join("; ")
        ));
        return Ok(ExitCode::from(INCONCLUSIVE));
    }
    let comparison = compare(&before, &after);
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", render(&comparison))?;
    out.flush()?;
    let is_worse = !comparison.void.is_empty() || comparison.changes.iter().any(Change::is_worse);
    Ok(if is_worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Why two reports cannot be compared: machine, scale or cores differ. Empty if they can.
fn obstacles(before: &Record, after: &Record) -> Vec<String> {
    let mut differences = before.environment.differences(&after.environment);
    if before.scale != after.scale {
        differences.push(format!("scale: {} and {}", before.scale, after.scale));
    }
    if before.cores != after.cores {
        let cores = [before, after].map(|record| match &record.cores {
            Some(cores) => cores.to_string(),
            None => "shared".into(),
        });
        differences.push(format!("cores of load and servers: {}", cores.join(" and ")));
    }
    differences
}

/// The comparison of two reports. A void cell has no figures, even if some of its runs have.
#[derive(Debug, Default, PartialEq)]
struct Comparison {
    changes: Vec<Change>,
    /// The number of figures that changed by no more than the noise.
    within_noise: usize,
    /// The number of figures whose noise is unknown.
    not_compared: usize,
    /// Cells that became void, and why.
    void: Vec<String>,
}

/// A figure that changed by more than the noise.
#[derive(Debug, PartialEq)]
struct Change {
    point: String,
    entrant: String,
    metric: &'static str,
    before: Summary,
    after: Summary,
    noise: f64,
}

impl Change {
    fn is_worse(&self) -> bool {
        let has_grown = self.after.median > self.before.median;
        has_grown == (Metric::of(self.metric).better == Better::Less)
    }
}

/// Compares every figure that both reports have.
fn compare(before: &Record, after: &Record) -> Comparison {
    let mut comparison = Comparison::default();
    for point in &before.points {
        for entrant in &before.entrants {
            if void_at(before, &point.id, &entrant.name).is_some() {
                continue;
            }
            if let Some(reason) = void_at(after, &point.id, &entrant.name) {
                comparison.void.push(format!("{}: {}: {reason}", point.id, entrant.name));
                continue;
            }
            for metric in METRICS.iter().filter(|metric| metric.better != Better::Neither) {
                comparison.add(before, after, (&point.id, &entrant.name), metric);
            }
        }
    }
    comparison
}

impl Comparison {
    fn add(
        &mut self,
        before: &Record,
        after: &Record,
        (point, entrant): (&str, &str),
        metric: &'static Metric,
    ) {
        let summary = |record: &Record| Summary::of(&record.values(point, entrant, metric.key));
        let Some((old, new)) = summary(before).zip(summary(after)) else { return };
        let noises = [before, after].map(|record| noise_at(record, point, metric.key));
        let [Some(one), Some(other)] = noises else {
            self.not_compared += 1;
            return;
        };
        let noise = one.max(other);
        if is_tie(old.median, new.median, noise) || old.overlaps(&new) {
            self.within_noise += 1;
            return;
        }
        self.changes.push(Change {
            point: point.into(),
            entrant: entrant.into(),
            metric: metric.key,
            before: old,
            after: new,
            noise,
        });
    }
}

fn render(comparison: &Comparison) -> String {
    let mut lines = Vec::new();
    if !comparison.changes.is_empty() {
        let header = ["figure", "verdict", "before", "after", "change %", "noise %"];
        lines.push(table(&header, &rows(comparison), 2, Some(WIDTH)));
    }
    lines.extend(comparison.void.iter().map(|cell| wrapped(&format!("now void: {cell}"), 2)));
    let (beyond, within) = (comparison.changes.len(), comparison.within_noise);
    lines.push(format!("beyond the noise: {beyond}; within the noise: {within}"));
    if comparison.not_compared > 0 {
        let not_compared = comparison.not_compared;
        lines.push(format!("not compared, as there was no control: {not_compared}"));
    }
    lines.join("\n")
}

/// The changes, with a line above those of one entrant at one point.
fn rows(comparison: &Comparison) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, change) in comparison.changes.iter().enumerate() {
        let cell = |change: &Change| (change.point.clone(), change.entrant.clone());
        if index == 0 || cell(&comparison.changes[index - 1]) != cell(change) {
            rows.push(Row::Line(format!("{}: {}", change.point, change.entrant)));
        }
        rows.push(row(change));
    }
    rows
}

fn row(change: &Change) -> Row {
    let metric = Metric::of(change.metric);
    let part = 100.0 * (change.after.median - change.before.median) / change.before.median;
    Row::Cells(vec![
        format!("  {}", metric.title),
        if change.is_worse() { "worse" } else { "better" }.into(),
        metric.show(change.before.median),
        metric.show(change.after.median),
        format!("{part:+.1}"),
        format!("{:.1}", 100.0 * change.noise),
    ])
}

const NO_REPORT: u8 = 3;
const EXAMPLES: &str = "\
Example:
  cargo lab --out old
  cargo lab --out new
  conformance diff old/lab.json new/lab.json

Exit status: 0 no figure became worse; 1 one did; 2 the reports cannot be
compared; 3 one of the files is no report.";

#[cfg(test)]
mod tests;
