//! Knee: the highest rate of a sweep that a server keeps up with.

use super::record::Record;
use super::statistics::Summary;

/// Whether an entrant kept up at a point: the last delivery of a message in time in the middle one of its
/// runs, nothing lost, and the load not its own limit. `None` if it was not measured there.
pub(super) fn holds(record: &Record, point: &str, entrant: &str) -> Option<bool> {
    let is_meant = |run: &&super::record::Run| run.point == point && run.entrant == entrant;
    let all = record.runs.iter().filter(is_meant).count();
    let kept: Vec<_> = record.runs_of(point, entrant).collect();
    if all == 0 {
        return None;
    }
    let bound = kept.iter().filter(|run| run.client_bound.is_some()).count();
    let last = Summary::of(&record.values(point, entrant, "last_p99"));
    let in_time = last.is_some_and(|summary| summary.median <= BOUND_US);
    Some(kept.len() == all && 2 * bound <= all && in_time)
}

/// The sweeps of a record, each with its points in their order.
pub(super) fn sweeps(record: &Record) -> Vec<(&str, Vec<&str>)> {
    let mut sweeps: Vec<(&str, Vec<&str>)> = Vec::new();
    for point in &record.points {
        let Some((sweep, _)) = point.id.split_once('@').filter(|_| point.workload == "W2") else {
            continue;
        };
        match sweeps.iter_mut().find(|(name, _)| *name == sweep) {
            Some((_, points)) => points.push(&point.id),
            None => sweeps.push((sweep, vec![&point.id])),
        }
    }
    sweeps.retain(|(_, points)| points.len() > 1);
    sweeps
}

/// What one entrant's knee in a sweep is, in words; `None` if it was not measured in it.
pub(super) fn told(record: &Record, points: &[&str], entrant: &str) -> Option<String> {
    let measured: Vec<(&str, bool)> =
        points.iter().filter_map(|point| Some((*point, holds(record, point, entrant)?))).collect();
    let (last, holds_last) = *measured.last()?;
    let rate = |point: &str| point.split_once('@').map_or("-", |(_, rate)| rate).to_owned();
    let kept = measured.iter().take_while(|(_, holds)| *holds).last();
    Some(match kept {
        None => format!("below {}", rate(measured[0].0)),
        Some((point, _)) if *point == last && holds_last => format!("{} or more", rate(point)),
        Some((point, _)) => rate(point),
    })
}

/// How late the last member may hear a message at p99: what people still take for at once.
const BOUND_US: f64 = 100_000.0;
