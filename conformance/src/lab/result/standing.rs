//! Standing: how the entrants of one point compare: who is ranked, who ties, and who is not ranked and why.

use super::metric::{Better, Metric};
use super::record::{EntrantRecord, Kind, PointRecord, Record};
use super::statistics::{Rank, Summary, noise, ranks};

/// One entrant's row at one point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing<'a> {
    pub(crate) entrant: &'a EntrantRecord,
    /// Void runs, in the words of the first of them.
    pub(crate) void: Option<String>,
    /// Whether the load set the pace in most runs.
    pub(crate) is_client_bound: bool,
    pub(crate) rank: Option<Rank>,
}

/// Everybody who was measured at a point, in the order of the entrants.
///
/// Ranked is by this figure, among those that are entrants of the comparison: the
/// floor does less work, and the control is the same server twice.
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
    assert_ne!(Better::Neither, better, "{key} ranks nobody");
    let is_rate = better == Better::More;
    let (mut places, mut medians) = (Vec::new(), Vec::new());
    for (place, standing) in standings.iter().enumerate() {
        let can_be = !matches!(standing.entrant.kind, Kind::Control | Kind::Floor);
        let values = record.values(&point.id, &standing.entrant.name, key);
        let summary = Summary::of(&values).filter(|_| can_be && standing.void.is_none());
        if let Some(summary) = summary.filter(|_| !standing.is_client_bound) {
            places.push(place);
            // Of a rate, the time that one of them takes: less is better then, too.
            medians.push(if is_rate { 1.0 / summary.median } else { summary.median });
        }
    }
    for (place, rank) in places.into_iter().zip(ranks(&medians, noise)) {
        standings[place].rank = Some(rank);
    }
    standings
}

/// How far identical servers lie apart at this point in this figure.
pub(crate) fn noise_at(record: &Record, point: &str, key: &str) -> Option<f64> {
    let (one, same) = record.twins()?;
    noise(&record.values(point, one, key), &record.values(point, same, key))
}

/// Why an entrant has no figures at a point, if it was measured there: any loss voids all of it.
pub(crate) fn void_at(record: &Record, point: &str, entrant: &str) -> Option<String> {
    record.all_runs_of(point, entrant).find_map(|run| run.void.clone())
}

/// Whether the load set the pace in most of an entrant's runs at a point.
pub(crate) fn is_client_bound(record: &Record, point: &str, entrant: &str) -> bool {
    let runs: Vec<_> = record.runs_of(point, entrant).collect();
    2 * runs.iter().filter(|run| run.client_bound.is_some()).count() > runs.len()
}
