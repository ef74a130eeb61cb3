//! Report: renders the tables and notes of a record, and compares two records.

pub(super) mod diff;
mod entrants;
mod floor;
mod notes;
mod rows;

use self::entrants::entrants;
use self::notes::{foot, head, left_out};
use self::rows::{columns, rows};
use super::layout::{Form, Row, table, wrapped};
use super::plan::workload::{Pace, WORKLOADS, Workload};
use super::result::knee;
use super::result::record::Record;

/// The whole report as text.
pub(crate) fn render(record: &Record, form: Form) -> String {
    let mut parts = vec![head(record, form), entrants(record, form)];
    for workload in WORKLOADS {
        parts.extend(section(record, workload, form));
    }
    parts.extend(knees(record, form));
    parts.extend(system_calls(record, form));
    parts.extend(left_out(record));
    parts.push(foot(record, form));
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
        let words: Vec<String> = marks.into_iter().flatten().chain(figures).collect();
        lines.push(format!("{} {} {}: {}", run.point, run.entrant, run.repeat, words.join(" ")));
    }
    lines.join("\n")
}

fn section(record: &Record, workload: &Workload, form: Form) -> Option<String> {
    let rows = rows(record, workload, form);
    if rows.is_empty() {
        return None;
    }
    let pace = match workload.pace {
        Pace::Open => " Open loop.",
        Pace::Closed => " Closed loop: its times are service times.",
        Pace::Silent => "",
    };
    let Workload { id, title, isolates, .. } = workload;
    let names: &[&str] = if form == Form::Narrow { &["entrant"] } else { &["point", "entrant"] };
    let columns = columns(record, workload, form);
    let titles = columns.iter().map(|column| column.title(workload));
    let header: Vec<&str> = names.iter().copied().chain(titles).collect();
    let mut lines = vec![
        wrapped(&format!("{id}: {title}. Isolates: {isolates}.{pace}"), 2),
        table(&header, &rows, names.len(), form.width()),
    ];
    lines.extend(notes::of_workload(record, workload, form));
    Some(lines.join("\n"))
}

fn knees(record: &Record, form: Form) -> Option<String> {
    let mut rows = Vec::new();
    for (sweep, points) in knee::sweeps(record) {
        let knees = record.entrants.iter().filter_map(|entrant| {
            let knee = knee::describe(record, &points, &entrant.name)?;
            Some(Row::Cells(vec![format!("  {}", entrant.name), knee]))
        });
        let knees: Vec<Row> = knees.collect();
        if !knees.is_empty() {
            rows.push(Row::Line(sweep.to_owned()));
            rows.extend(knees);
        }
    }
    let title = "Knee: the highest rate at which the p99 latency to the last member is at most 100 ms \
                 and no delivery is lost.";
    let table = table(&["entrant", "messages/s"], &rows, 2, form.width());
    (!rows.is_empty()).then(|| format!("{}\n{table}", wrapped(title, 2)))
}

fn system_calls(record: &Record, form: Form) -> Option<String> {
    let shown = if form == Form::Narrow { 1 } else { usize::MAX };
    let rows = record.traces.iter().map(|trace| {
        let most = trace.most.iter().take(shown);
        let most: Vec<String> = most.map(|(name, count)| format!("{name} {count:.2}")).collect();
        Row::Cells(vec![trace.entrant.clone(), format!("{:.2}", trace.calls), most.join(", ")])
    });
    let rows: Vec<Row> = rows.collect();
    let title = "System calls per 1000 deliveries of S64, counted in a separate pass, because \
                 tracing slows a server down.";
    let table = table(&["entrant", "all", "most frequent"], &rows, 3, form.width());
    (!rows.is_empty()).then(|| format!("{}\n{table}", wrapped(title, 2)))
}

#[cfg(test)]
mod tests;
