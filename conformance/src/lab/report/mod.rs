//! Report: the tables of what was found, and what has to be known to read them.

pub(super) mod diff;
mod floor;
mod notes;
mod rows;

use self::notes::{foot, head, left_out};
use self::rows::{header, rows, timed};
use super::plan::workload::{Pace, WORKLOADS, Workload};
use super::result::knee;
use super::result::record::{EntrantRecord, Record};
use crate::support::console::{TableStyle, columns};

/// The whole report as text.
pub(crate) fn render(record: &Record, frame: TableStyle) -> String {
    let mut parts = vec![head(record), entrants(record, frame)];
    for workload in WORKLOADS {
        parts.extend(section(record, workload, frame));
    }
    parts.extend(knees(record, frame));
    parts.extend(traces(record, frame));
    parts.extend(left_out(record));
    parts.push(foot(record));
    parts.join("\n\n")
}

/// Every run, in the order in which they were made.
pub(crate) fn all_runs(record: &Record) -> String {
    let mut lines = vec!["All runs, in the order in which they were made:".to_owned()];
    for run in &record.runs {
        let figures = run.figures.iter().map(|(key, value)| format!("{key}={value:.4}"));
        let marks = [
            run.void.as_ref().map(|reason| format!("VOID {reason}")),
            run.client_bound.as_ref().map(|reason| format!("client-bound: {reason}")),
            run.is_unsteady.then(|| "unsteady".to_owned()),
        ];
        let told: Vec<String> = marks.into_iter().flatten().chain(figures).collect();
        lines.push(format!("{} {} {}: {}", run.point, run.entrant, run.repeat, told.join(" ")));
    }
    lines.join("\n")
}

fn section(record: &Record, workload: &Workload, frame: TableStyle) -> Option<String> {
    let rows = rows(record, workload);
    if rows.is_empty() {
        return None;
    }
    let time = match workload.pace {
        Pace::Open => "open loop",
        Pace::Closed => "closed loop: its times are service time",
        Pace::Still => "without a word",
    };
    let title =
        format!("{}: {}; shows {} ({time})", workload.id, workload.title, workload.isolates);
    let names = 3 + usize::from(timed(record, workload).is_some());
    let mut lines = vec![title, columns(&header(record, workload), &rows, names, frame)];
    lines.extend(notes::of_workload(record, workload));
    Some(lines.join("\n"))
}

fn entrants(record: &Record, frame: TableStyle) -> String {
    // Whoever was measured nowhere and broke nothing stands among what was left out.
    let takes_part = |entrant: &&EntrantRecord| {
        entrant.is_broken || record.runs.iter().any(|run| run.entrant == entrant.name)
    };
    let listed: Vec<&EntrantRecord> = record.entrants.iter().filter(takes_part).collect();
    let common = in_common(&listed);
    let told = |known: &[&(String, String)]| {
        let known: Vec<String> = known.iter().map(|(what, how)| format!("{what}: {how}")).collect();
        known.join("; ")
    };
    let rows = listed.iter().map(|entrant| {
        let is_common =
            |known: &&(String, String)| entrant.is_of_project() && common.contains(known);
        let own: Vec<_> = entrant.manifest.iter().filter(|known| !is_common(known)).collect();
        vec![entrant.name.clone(), entrant.gate.clone(), told(&own)]
    });
    let table = columns(&["entrant", "rules", "how it works"], &rows.collect::<Vec<_>>(), 3, frame);
    if common.is_empty() {
        return table;
    }
    format!("{table}\nAll that are of this project: {}", told(&common))
}

/// What all of these that are programs of this project do alike: a row then tells what differs.
fn in_common<'a>(entrants: &[&'a EntrantRecord]) -> Vec<&'a (String, String)> {
    let mut ours = entrants.iter().filter(|entrant| entrant.is_of_project());
    let Some(first) = ours.next() else { return Vec::new() };
    let others: Vec<_> = ours.collect();
    let is_common =
        |known: &&(String, String)| others.iter().all(|other| other.manifest.contains(known));
    first.manifest.iter().filter(is_common).collect()
}

fn knees(record: &Record, frame: TableStyle) -> Option<String> {
    let mut rows = Vec::new();
    for (sweep, points) in knee::sweeps(record) {
        for entrant in &record.entrants {
            if let Some(told) = knee::told(record, &points, &entrant.name) {
                rows.push(vec![sweep.to_owned(), entrant.name.clone(), told]);
            }
        }
    }
    let title = "Knee: the highest rate (messages/s) at which the last member heard within 100 ms at p99, \
                 and nothing was lost";
    let header = ["sweep", "entrant", "messages/s"];
    (!rows.is_empty()).then(|| format!("{title}\n{}", columns(&header, &rows, 2, frame)))
}

fn traces(record: &Record, frame: TableStyle) -> Option<String> {
    let rows = record.traces.iter().map(|trace| {
        let most = trace.most.iter().map(|(name, count)| format!("{name} {count:.2}"));
        let most: Vec<String> = most.collect();
        vec![trace.entrant.clone(), format!("{:.2}", trace.calls), most.join(", ")]
    });
    let rows: Vec<_> = rows.collect();
    let title = "System calls per 1000 deliveries of S64, counted in a pass of their own; \
                 tracing slows a server down, so its times are not used";
    let header = ["entrant", "calls", "most of them"];
    (!rows.is_empty()).then(|| format!("{title}\n{}", columns(&header, &rows, 3, frame)))
}

#[cfg(test)]
mod tests;
