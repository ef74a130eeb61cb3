//! Rows: one for each entrant at each point of a workload.

use super::super::metric::Metric;
use super::super::record::{PointRecord, Record};
use super::super::standing::{Standing, standings};
use super::super::statistics::Summary;
use super::super::workload::Workload;

/// What stands above a workload's columns: the first figure comes with its range. Times are ranked only where the
/// load does not take them from the server.
pub(super) fn header(record: &Record, workload: &Workload) -> Vec<&'static str> {
    let titles = workload.columns.iter().map(|key| Metric::of(key).title);
    let (first, others) = (titles.clone().take(1), titles.skip(1));
    let names = ["point", "entrant", "rank"].into_iter();
    let names = names.chain(timed(record, workload).map(|_| "time rank"));
    names.chain(first).chain(["(range)"]).chain(others).collect()
}

/// The rows of all points of a workload.
pub(super) fn rows(record: &Record, workload: &Workload) -> Vec<Vec<String>> {
    let points = record.points.iter().filter(|point| point.workload == workload.id);
    points.flat_map(|point| of_point(record, point, workload)).collect()
}

fn of_point(record: &Record, point: &PointRecord, workload: &Workload) -> Vec<Vec<String>> {
    let places = |key| standings(record, point, key).iter().map(place).collect::<Vec<_>>();
    let mut ranked = vec![places(workload.columns[0])];
    ranked.extend(timed(record, workload).map(places));
    let standings = standings(record, point, workload.columns[0]);
    let row_of = |(index, standing): (usize, &Standing<'_>)| {
        let places = ranked.iter().map(|places| places[index].clone());
        let names = [point.id.clone(), standing.entrant.name.clone()];
        let names = names.into_iter().chain(places);
        names.chain(figures(record, point, workload, standing)).collect()
    };
    standings.iter().enumerate().map(row_of).collect()
}

/// The time or rate that is ranked in this record.
pub(super) fn timed(record: &Record, workload: &Workload) -> Option<&'static str> {
    record.cores.as_ref().and_then(|_| workload.timed())
}

/// A row's figures: medians, and the range of the first.
fn figures(
    record: &Record,
    point: &PointRecord,
    workload: &Workload,
    standing: &Standing<'_>,
) -> Vec<String> {
    let name = &standing.entrant.name;
    let mut cells = Vec::new();
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
