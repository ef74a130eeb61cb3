//! Knee: the highest rate of a sweep at which latency stays within a bound.

use super::record::Record;
use super::standing::{is_client_bound, void_at};
use super::statistics::Summary;

/// Whether an entrant kept up at a point: no run is void, and the median of its runs of the p99 latency to the last
/// member is within the bound. `None` if it was not measured there.
///
/// The latency includes the send delay of the load, so an entrant that keeps up would also do so without it.
pub(crate) fn keeps_up(record: &Record, point: &str, entrant: &str) -> Option<bool> {
    let all = record.all_runs_of(point, entrant).count();
    let kept = record.runs_of(point, entrant).count();
    let last = Summary::of(&record.values(point, entrant, "last_p99"));
    let is_in_time = last.is_some_and(|summary| summary.median <= BOUND_US);
    (all > 0).then_some(kept == all && is_in_time)
}

/// The sweeps of a record, each with its points in the order of their rates.
pub(crate) fn sweeps(record: &Record) -> Vec<(&str, Vec<&str>)> {
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

/// The knee of an entrant in a sweep, in words; `None` if it was not measured there.
pub(crate) fn describe(record: &Record, points: &[&str], entrant: &str) -> Option<String> {
    let measured =
        points.iter().filter_map(|point| Some((*point, keeps_up(record, point, entrant)?)));
    let measured: Vec<(&str, bool)> = measured.collect();
    let rate = |point: &str| point.split_once('@').map_or("-", |(_, rate)| rate).to_owned();
    let kept = measured.iter().take_while(|(_, keeps_up)| *keeps_up).count();
    let Some((failed, _)) = measured.get(kept) else {
        return measured.last().map(|(point, _)| format!("{} or more", rate(point)));
    };
    // A lost delivery is the server's fault, however busy the load was.
    let has_lost = void_at(record, failed, entrant).is_some();
    let is_of_load = !has_lost && is_client_bound(record, failed, entrant);
    Some(match (kept.checked_sub(1).map(|last| rate(measured[last].0)), is_of_load) {
        (Some(rate), true) => format!("{rate} or more (client-bound above)"),
        (Some(rate), false) => rate,
        (None, true) => "unknown (client-bound)".into(),
        (None, false) => format!("below {}", rate(failed)),
    })
}

/// The bound on the p99 latency to the last member, in microseconds: people perceive this as immediate.
const BOUND_US: f64 = 100_000.0;

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::super::record::{PointRecord, Run};
    use super::*;

    const POINTS: [&str; 3] = ["W2/50@100", "W2/50@200", "W2/50@400"];

    /// A sweep with these p99 latencies to the last member, in milliseconds.
    fn swept(last: &[f64], client_bound: bool) -> Record {
        let mut record = record(&[1.0]);
        record.points.clear();
        let template = record.runs.pop().expect("it has runs");
        record.runs.clear();
        for (point, last) in POINTS.iter().zip(last) {
            record.runs.push(Run {
                point: (*point).into(),
                figures: [("last_p99".to_owned(), 1000.0 * last)].into(),
                client_bound: client_bound.then(|| "it was busy".into()),
                ..template.clone()
            });
        }
        record.points.extend(POINTS.iter().map(|point| PointRecord {
            id: (*point).into(),
            workload: "W2".into(),
            command: String::new(),
        }));
        record
    }

    #[test]
    fn the_knee_is_the_last_rate_before_the_first_one_that_fails() {
        for (last, client_bound, expected) in [
            (&[1.0, 2.0, 500.0][..], false, Some("200")),
            (&[1.0, 2.0, 99.0], false, Some("400 or more")),
            (&[1.0, 2.0, 99.0], true, Some("400 or more")),
            (&[1.0, 101.0], false, Some("100")),
            (&[1.0, 101.0], true, Some("100 or more (client-bound above)")),
            (&[500.0, 1.0, 1.0], false, Some("below 100")),
            (&[500.0], true, Some("unknown (client-bound)")),
            (&[], false, None),
        ] {
            let record = swept(last, client_bound);
            let [(sweep, points)] = &sweeps(&record)[..] else { panic!("there is one sweep") };
            let found = describe(&record, points, "async");
            assert_eq!(("W2/50", expected), (*sweep, found.as_deref()), "{last:?}");
        }
    }

    #[test]
    fn a_loss_ends_the_knee() {
        let mut record = swept(&[1.0, 1.0], true);
        // That the other runs of the point are client-bound does not excuse a loss.
        let bound = [record.runs[1].clone(), record.runs[1].clone()];
        record.runs.extend(bound);
        record.runs[1].void = Some("message 7 was lost".into());
        assert_eq!(Some(false), keeps_up(&record, POINTS[1], "async"));
        assert_eq!(Some("100".into()), describe(&record, &POINTS, "async"));
    }
}
