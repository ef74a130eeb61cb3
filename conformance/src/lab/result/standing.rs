//! Standing: compares the entrants of one point: their ranks and ties, and why one is not ranked.

use super::metric::{Better, Metric};
use super::record::{EntrantRecord, Kind, PointRecord, Record};
use super::statistics::{Rank, Summary, noise, ranks};

/// One entrant at one point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing<'a> {
    pub(crate) entrant: &'a EntrantRecord,
    /// Why it is void: the reason of its first void run.
    pub(crate) void: Option<String>,
    /// Whether most of its runs are client-bound.
    pub(crate) is_client_bound: bool,
    pub(crate) rank: Option<Rank>,
}

/// All entrants that were measured at a point, ranked by this figure, in the order of the entrants.
///
/// The floor and the control have no rank: the floor does less work, and the control is a server that is
/// ranked already.
pub(crate) fn standings<'a>(
    record: &'a Record,
    point: &PointRecord,
    key: &str,
) -> Vec<Standing<'a>> {
    let mut standings: Vec<Standing<'_>> = record
        .entrants
        .iter()
        .filter(|entrant| record.all_runs_of(&point.id, &entrant.name).next().is_some())
        .map(|entrant| Standing {
            entrant,
            void: void_at(record, &point.id, &entrant.name),
            is_client_bound: is_client_bound(record, &point.id, &entrant.name),
            rank: None,
        })
        .collect();
    let Some(noise) = noise_at(record, &point.id, key) else { return standings };
    let better = Metric::of(key).better;
    assert_ne!(Better::Neither, better, "{key} has no better direction");
    let is_rate = better == Better::More;
    let (mut places, mut medians) = (Vec::new(), Vec::new());
    for (place, standing) in standings.iter().enumerate() {
        let can_be = !matches!(standing.entrant.kind, Kind::Control | Kind::Floor);
        let values = record.values(&point.id, &standing.entrant.name, key);
        let summary = Summary::of(&values).filter(|_| can_be && standing.void.is_none());
        if let Some(summary) = summary.filter(|_| !standing.is_client_bound) {
            places.push(place);
            // The inverse of a rate is a time, of which less is better.
            medians.push(if is_rate { 1.0 / summary.median } else { summary.median });
        }
    }
    for (place, rank) in places.into_iter().zip(ranks(&medians, noise)) {
        standings[place].rank = Some(rank);
    }
    standings
}

/// The noise of this figure at this point: the difference between identical servers.
pub(crate) fn noise_at(record: &Record, point: &str, key: &str) -> Option<f64> {
    let (one, same) = record.twins()?;
    noise(&record.values(point, one, key), &record.values(point, same, key))
}

/// Why an entrant's cell at a point is void, if it is: one void run is enough.
pub(crate) fn void_at(record: &Record, point: &str, entrant: &str) -> Option<String> {
    record.all_runs_of(point, entrant).find_map(|run| run.void.clone())
}

/// Whether most of an entrant's runs at a point are client-bound.
pub(crate) fn is_client_bound(record: &Record, point: &str, entrant: &str) -> bool {
    let runs: Vec<_> = record.runs_of(point, entrant).collect();
    2 * runs.iter().filter(|run| run.client_bound.is_some()).count() > runs.len()
}
