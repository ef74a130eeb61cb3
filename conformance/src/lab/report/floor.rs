//! Floor: divides the figures of each entrant by those of the floor.

use crate::lab::plan::workload::Workload;
use crate::lab::result::metric::{Better, Metric};
use crate::lab::result::record::{Kind, Record};
use crate::lab::result::statistics::Summary;

/// The figures of a workload that are divided by the floor's: the ranked one, and the main time if there is one.
/// Empty if the floor was not measured.
pub(crate) fn compared(record: &Record, workload: &Workload) -> Vec<&'static str> {
    let mut points = record.points.iter().filter(|point| point.workload == workload.id);
    let (first, time) = (workload.columns[0], time(workload));
    if !points.any(|point| floor_at(record, &point.id, workload).is_some()) {
        return Vec::new();
    }
    [first].into_iter().chain(time).collect()
}

/// The median of the quotients of an entrant's figure and the floor's of the same repeat, so that other work on the
/// machine affects both alike. `None` if they have no repeat in common that is not void.
pub(crate) fn times_floor(
    record: &Record,
    point: &str,
    workload: &Workload,
    entrant: &str,
    key: &str,
) -> Option<f64> {
    let floor = floor_at(record, point, workload)?;
    let of_floor = |repeat: u32| {
        let mut runs = record.runs_of(point, floor).filter(|run| run.repeat == repeat);
        runs.next()?.figures.get(key).copied().filter(|figure| *figure > 0.0)
    };
    let quotients = record.runs_of(point, entrant).filter_map(|run| {
        let figure = run.figures.get(key)?;
        Some(figure / of_floor(run.repeat)?)
    });
    Summary::of(&quotients.collect::<Vec<_>>()).map(|summary| summary.median)
}

/// The floor of a point; if there are two, the faster one.
fn floor_at<'a>(record: &'a Record, point: &str, workload: &Workload) -> Option<&'a str> {
    let key = time(workload).unwrap_or(workload.columns[0]);
    let floors = record.entrants.iter().filter(|entrant| entrant.kind == Kind::Floor);
    let measured = floors.filter_map(|floor| {
        Some((&*floor.name, Summary::of(&record.values(point, &floor.name, key))?.median))
    });
    measured.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(name, _)| name)
}

/// The main time of a workload; `None` if it is a rate.
fn time(workload: &Workload) -> Option<&'static str> {
    workload.timed().filter(|key| Metric::of(key).better == Better::Less)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::result::record::tests::record;
    use crate::lab::result::record::{EntrantRecord, PointRecord, Run};

    /// An entrant, its kind, and the CPU time and round trip of each repeat.
    type Entered<'a> = (&'a str, Kind, &'a [(f64, f64)]);

    /// A record of `W1` alone.
    fn of(entrants: &[Entered<'_>]) -> Record {
        let mut record = record(&[1.0]);
        let (entrant, run) = (record.entrants.remove(0), record.runs.remove(0));
        record.points =
            vec![PointRecord { id: "W1".into(), workload: "W1".into(), command: String::new() }];
        (record.entrants, record.runs) = (Vec::new(), Vec::new());
        for &(name, kind, runs) in entrants {
            record.entrants.push(EntrantRecord { name: name.into(), kind, ..entrant.clone() });
            record.runs.extend(runs.iter().zip(1..).map(|(&(cpu, round), repeat)| Run {
                point: "W1".into(),
                entrant: name.into(),
                repeat,
                figures: [("cpu_us".into(), cpu), ("round_p50".into(), round)].into(),
                ..run.clone()
            }));
        }
        record
    }

    fn times(record: &Record, entrant: &str) -> [Option<f64>; 2] {
        let workload = Workload::find("W1").expect("it is a workload");
        ["cpu_us", "round_p50"].map(|key| times_floor(record, "W1", workload, entrant, key))
    }

    #[test]
    fn each_run_is_divided_by_the_floor_in_the_same_repeat() {
        // The quotients of the medians would be 2 and 1.5.
        let floor = ("floor", Kind::Floor, &[(1.0, 10.0), (2.0, 20.0), (4.0, 30.0)][..]);
        let server = ("async", Kind::Ours, &[(3.0, 30.0), (8.0, 20.0), (4.0, 30.0)][..]);
        let mut record = of(&[floor, server]);
        assert_eq!([Some(3.0), Some(1.0)], times(&record, "async"));
        assert_eq!([Some(1.0), Some(1.0)], times(&record, "floor"));
        // The order of the runs does not matter: a pair is of one repeat.
        record.runs.reverse();
        assert_eq!([Some(3.0), Some(1.0)], times(&record, "async"));
        // The second repeat of one is void, then the first of the other: the third remains.
        let void = |run: &mut Run| run.void = Some("message 7 was lost".into());
        record.runs.iter_mut().filter(|run| run.repeat == 2).take(1).for_each(void);
        assert_eq!([Some(2.0), Some(2.0)], times(&record, "async"));
        record.runs.iter_mut().filter(|run| run.repeat == 1).skip(1).for_each(void);
        assert_eq!([Some(1.0), Some(1.0)], times(&record, "async"));
    }

    #[test]
    fn the_faster_of_two_floors_counts() {
        let record = of(&[
            ("floor", Kind::Floor, &[(1.0, 20.0)]),
            ("floor-blocking", Kind::Floor, &[(2.0, 10.0)]),
            ("select", Kind::Ours, &[(3.0, 15.0)]),
        ]);
        assert_eq!([Some(1.5), Some(1.5)], times(&record, "select"));
        assert_eq!([Some(0.5), Some(2.0)], times(&record, "floor"));
    }

    #[test]
    fn without_a_floor_there_are_no_quotients() {
        let workload = Workload::find("W1").expect("it is a workload");
        let mut record =
            of(&[("floor", Kind::Floor, &[(1.0, 20.0)]), ("select", Kind::Ours, &[(3.0, 15.0)])]);
        assert_eq!(["cpu_us", "round_p50"], *compared(&record, workload));
        record.runs.retain(|run| run.entrant != "floor");
        assert!(compared(&record, workload).is_empty());
        assert_eq!([None, None], times(&record, "select"));
    }

    #[test]
    fn only_times_are_compared_with_the_floor() {
        for (id, expected) in [
            ("W1", Some("round_p50")),
            ("W4", Some("last_p99")),
            ("RATE", Some("last_p99")),
            ("ONE", Some("last_p50")),
            ("S64", None),
            ("MEM", None),
        ] {
            let workload = Workload::find(id).expect("it is a workload");
            assert_eq!(expected, time(workload), "{id}");
        }
    }
}
