//! Rows: one for each entrant at each point of a workload.

use super::floor::{compared, times_floor};
use crate::lab::plan::workload::Workload;
use crate::lab::result::metric::Metric;
use crate::lab::result::record::{PointRecord, Record};
use crate::lab::result::standing::{Standing, standings};
use crate::lab::result::statistics::Summary;

/// What stands above a workload's columns: the first figure comes with its range, and behind what is held against
/// the floor's stands how. Times are ranked only where the load does not take them from the server.
pub(super) fn header(record: &Record, workload: &Workload) -> Vec<&'static str> {
    let compared = compared(record, workload);
    let mut titles = vec!["point", "entrant", "rank"];
    titles.extend(timed(record, workload).map(|_| "time rank"));
    for (index, key) in workload.columns.iter().enumerate() {
        titles.push(Metric::of(key).title);
        titles.extend((index == 0).then_some("(range)"));
        titles.extend(compared.contains(key).then_some(TIMES_FLOOR));
    }
    titles
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

/// A row's figures: medians, the range of the first, and what is held against the floor's.
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
    let shown = |cell: Option<String>| cell.unwrap_or_else(|| "-".into());
    let compared = compared(record, workload);
    for (index, key) in workload.columns.iter().enumerate() {
        let metric = Metric::of(key);
        cells.push(shown(known(key).map(|s| metric.show(s.median))));
        if index == 0 {
            let range = |s: Summary| format!("{}–{}", metric.show(s.least), metric.show(s.most));
            cells.push(shown(known(key).map(range)));
        }
        if compared.contains(key) {
            let times =
                known(key).and_then(|_| times_floor(record, &point.id, workload, name, key));
            cells.push(shown(times.map(|times| format!("{times:.2}"))));
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

/// The title of how many times as much as the floor's the figure before it is.
pub(super) const TIMES_FLOOR: &str = "× floor";
