//! Diff: what two reports say differently, beyond what identical servers do.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use crate::lab::result::metric::{Better, METRICS, Metric};
use crate::lab::result::record::Record;
use crate::lab::result::standing::{noise_at, void_at};
use crate::lab::result::statistics::{Summary, is_tie};
use crate::support::console::{INCONCLUSIVE, TableStyle, columns, print_error};

/// Which reports are compared.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    /// The lab.json of before
    #[arg(value_name = "BEFORE.json")]
    before: PathBuf,
    /// The lab.json of after
    #[arg(value_name = "AFTER.json")]
    after: PathBuf,
}

/// Prints what changed by more than the noise. The exit status is 0 if nothing became worse, 1 if something did,
/// 2 if the two cannot be compared, 3 if one of them is no report.
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
    let unlike = obstacles(&before, &after);
    if !unlike.is_empty() {
        print_error(format_args!("diff: these reports cannot be compared; {}", unlike.join("; ")));
        return Ok(ExitCode::from(INCONCLUSIVE));
    }
    let comparison = compare(&before, &after);
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", render(&comparison))?;
    out.flush()?;
    let is_worse = !comparison.lost.is_empty() || comparison.changes.iter().any(Change::is_worse);
    Ok(if is_worse { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Why two reports cannot be compared: they are of different machines, or were measured differently.
fn obstacles(before: &Record, after: &Record) -> Vec<String> {
    let mut unlike = before.environment.differences(&after.environment);
    if before.scale != after.scale {
        unlike.push(format!("measured: {} and {}", before.scale, after.scale));
    }
    if before.cores != after.cores {
        let told = [before, after].map(|record| match &record.cores {
            Some(cores) => cores.to_string(),
            None => "shared".into(),
        });
        unlike.push(format!("cores of load and servers: {}", told.join(" and ")));
    }
    unlike
}

/// What was compared. A void cell has no figures, however many of its runs have some.
#[derive(Debug, Default, PartialEq)]
struct Comparison {
    changes: Vec<Change>,
    /// Comparisons that showed nothing.
    inside: usize,
    /// Comparisons without a noise to hold them against.
    unknown: usize,
    /// Cells that have become void, and why.
    lost: Vec<String>,
}

/// A figure that differs by more than the noise.
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

/// Every figure that both have, of every entrant at every point.
fn compare(before: &Record, after: &Record) -> Comparison {
    let mut comparison = Comparison::default();
    for point in &before.points {
        for entrant in &before.entrants {
            if void_at(before, &point.id, &entrant.name).is_some() {
                continue;
            }
            if let Some(reason) = void_at(after, &point.id, &entrant.name) {
                comparison.lost.push(format!("{}: {}: {reason}", point.id, entrant.name));
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
        let Some((was, is)) = summary(before).zip(summary(after)) else { return };
        let noises = [before, after].map(|record| noise_at(record, point, metric.key));
        let [Some(one), Some(other)] = noises else {
            self.unknown += 1;
            return;
        };
        let noise = one.max(other);
        if is_tie(was.median, is.median, noise) || was.overlaps(&is) {
            self.inside += 1;
            return;
        }
        self.changes.push(Change {
            point: point.into(),
            entrant: entrant.into(),
            metric: metric.key,
            before: was,
            after: is,
            noise,
        });
    }
}

fn render(comparison: &Comparison) -> String {
    let rows: Vec<Vec<String>> = comparison.changes.iter().map(row).collect();
    let mut lines = Vec::new();
    if !rows.is_empty() {
        let header =
            ["point", "entrant", "figure", "verdict", "before", "after", "change %", "noise %"];
        lines.push(columns(&header, &rows, 4, TableStyle::of_output()));
    }
    lines.extend(comparison.lost.iter().map(|cell| format!("now void: {cell}")));
    let (beyond, inside) = (comparison.changes.len(), comparison.inside);
    lines.push(format!("{beyond} beyond the noise, {inside} comparisons inside it"));
    if comparison.unknown > 0 {
        let unknown = comparison.unknown;
        lines.push(format!("{unknown} not compared: no server was measured twice there"));
    }
    lines.join("\n")
}

fn row(change: &Change) -> Vec<String> {
    let metric = Metric::of(change.metric);
    let part = 100.0 * (change.after.median - change.before.median) / change.before.median;
    vec![
        change.point.clone(),
        change.entrant.clone(),
        metric.title.into(),
        if change.is_worse() { "worse" } else { "better" }.into(),
        metric.show(change.before.median),
        metric.show(change.after.median),
        format!("{part:+.1}"),
        format!("{:.1}", 100.0 * change.noise),
    ]
}

const NO_REPORT: u8 = 3;
const EXAMPLES: &str = "\
Example:
  cargo lab --out old; cargo lab --out new; conformance diff old/lab.json new/lab.json

Exit status: 0 nothing became worse; 1 something did; 2 the reports cannot be compared; 3 one of them is no
report.";

#[cfg(test)]
mod tests;
