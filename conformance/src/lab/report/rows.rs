//! Rows: one for each entrant at each point of a workload.

use super::super::metric::Metric;
use super::super::record::{PointRecord, Record};
use super::super::standing::{Standing, standings};
use super::super::statistics::Summary;
use super::super::workload::Workload;

/// What stands above a workload's columns: the first figure comes with its range.
pub(super) fn header(workload: &Workload) -> Vec<&'static str> {
    let titles = workload.columns.iter().map(|key| Metric::of(key).title);
    let (first, others) = (titles.clone().take(1), titles.skip(1));
    ["point", "entrant", "rank"].into_iter().chain(first).chain(["(range)"]).chain(others).collect()
}

/// The rows of all points of a workload.
pub(super) fn rows(record: &Record, workload: &Workload) -> Vec<Vec<String>> {
    let points = record.points.iter().filter(|point| point.workload == workload.id);
    points.flat_map(|point| of_point(record, point, workload)).collect()
}

fn of_point(record: &Record, point: &PointRecord, workload: &Workload) -> Vec<Vec<String>> {
    let standings = standings(record, point, workload.columns[0]);
    standings.iter().map(|standing| row(record, point, workload, standing)).collect()
}

fn row(
    record: &Record,
    point: &PointRecord,
    workload: &Workload,
    standing: &Standing<'_>,
) -> Vec<String> {
    let name = &standing.entrant.name;
    let mut cells = vec![point.id.clone(), name.clone(), place(standing)];
    let summary = |key: &str| Summary::of(&record.values(&point.id, name, key));
    let known = |key: &str| summary(key).filter(|_| standing.void.is_none());
    for (index, key) in workload.columns.iter().enumerate() {
        let metric = Metric::of(key);
        cells.push(known(key).map_or_else(|| "-".into(), |s| metric.show(s.median)));
        if index == 0 {
            let range = |s: Summary| format!("{}–{}", metric.show(s.least), metric.show(s.most));
            cells.push(known(key).map_or_else(|| "-".into(), range));
        }
    }
    cells
}

/// The place in the ranking, or the sign for why there is none.
fn place(standing: &Standing<'_>) -> String {
    match standing.rank {
        _ if standing.void.is_some() => "void".into(),
        _ if standing.is_client_bound => "o".into(),
        Some(rank) if rank.is_tied => format!("{} tie", rank.place),
        Some(rank) => rank.place.to_string(),
        None => "-".into(),
    }
}
