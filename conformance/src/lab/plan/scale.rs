//! Scale: the points, times and repeats of the quick, the usual and the full lab.

use std::time::Duration;

use super::point::{
    Load, Point, beside_bad, idle_among, large, point, rated, room, saturated, saturated_rooms,
    single, sweep, talk,
};

/// How much the lab measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// One point for each workload; about a minute.
    Quick,
    /// A few points for each workload; some minutes.
    Usual,
    /// All points; an hour and more.
    Full,
}

impl Scale {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Usual => "usual",
            Self::Full => "full",
        }
    }

    /// How often each entrant is measured, unless `--repeats` is given.
    pub(crate) fn repeats(self) -> u32 {
        if self == Self::Quick { 3 } else { 5 }
    }

    /// The time during which a run is measured, after the warm-up.
    pub(crate) fn measured(self) -> Duration {
        Duration::from_millis(match self {
            Self::Quick => 120,
            Self::Usual => 500,
            Self::Full => 1500,
        })
    }

    /// The length of a slice of the warm-up, and the number of slices after which a run counts as unsteady.
    pub(crate) fn warm_up(self) -> (Duration, u32) {
        match self {
            Self::Quick => (Duration::from_millis(30), 4),
            Self::Usual => (Duration::from_millis(100), 6),
            Self::Full => (Duration::from_millis(100), 15),
        }
    }

    /// The points of all scales, each once, in the order of their scale.
    pub(crate) fn all_points() -> Vec<Point> {
        let mut points = Self::Full.points();
        for point in [Self::Usual, Self::Quick].into_iter().flat_map(Self::points) {
            if points.iter().all(|other| other.id != point.id) {
                points.push(point);
            }
        }
        points
    }

    /// All points of this scale, workload by workload.
    pub(crate) fn points(self) -> Vec<Point> {
        let mut points = vec![point("W1", "", Load::PingPong)];
        points.extend(self.sweeps());
        points.extend(self.of([32].as_slice(), &[8, 32, 128]).map(talk));
        let idle: &[usize] = if self == Self::Quick { &[300] } else { &[1000] };
        points.extend(self.of(idle, &[100, 1000, 10_000]).map(idle_among));
        points.push(point("W5", "", Load::Churn));
        points.extend(self.of(&[10], &[1, 10, 100]).map(beside_bad));
        points.push(large("64KiB", 64 * 1024, &[]));
        if self == Self::Full {
            points.push(large("1MiB", 1024 * 1024, &["--max-message=1MiB"]));
        }
        let listeners = if self == Self::Quick { 300 } else { 1000 };
        for (workload, in_flight) in [("S64", 64), ("S1024", 1024)] {
            points.push(saturated(workload, listeners, in_flight));
            if self == Self::Full {
                points.extend(saturated_rooms(workload, in_flight));
            }
        }
        points.extend(
            self.of(&[1000], &[1000, 9000])
                .map(|members| point("MEM", &format!("/{members}"), Load::Idle { members })),
        );
        let clients = if self == Self::Quick { 500 } else { 2000 };
        points.push(point("STORM", &format!("/{clients}"), Load::Storm { clients }));
        points.extend(self.room_sizes().iter().copied().map(room));
        if self == Self::Full {
            points.extend([1500, 3000, 15_000].map(rated));
            points.push(single(9000));
        }
        points
    }

    fn of(self, some: &'static [usize], all: &'static [usize]) -> impl Iterator<Item = usize> {
        if self == Self::Full { all } else { some }.iter().copied()
    }

    fn room_sizes(self) -> &'static [usize] {
        match self {
            Self::Quick => &[100],
            Self::Usual => &[100, 1000],
            Self::Full => &[100, 300, 1000, 3000, 9000],
        }
    }

    /// The points of W2: deliveries per second, divided among the listeners.
    fn sweeps(self) -> Vec<Point> {
        let (rooms, rates): (&[usize], &[u32]) = match self {
            Self::Quick => (&[50], &[50_000]),
            Self::Usual => (&[50], &[20_000, 80_000, 320_000]),
            Self::Full => (&[10, 50, 200, 1000], &RATES_FULL),
        };
        let pairs = rooms.iter().flat_map(|&room| rates.iter().map(move |&rate| (room, rate)));
        pairs.map(|(listeners, deliveries)| sweep(listeners, deliveries)).collect()
    }
}

/// The points of `--targets`, which compare each server with the floor.
pub(crate) fn targets() -> Vec<Point> {
    let words = TARGETS.map(String::from);
    let points = Scale::Full.points().into_iter();
    points.filter(|point| point.is_requested(&words)).collect()
}

/// Workloads with all their points, and single points.
const TARGETS: [&str; 11] = [
    "W1",
    "W4/10000",
    "S64",
    "S1024",
    "MEM/9000",
    "STORM/2000",
    "SIZE/100",
    "SIZE/1000",
    "SIZE/9000",
    "RATE",
    "ONE",
];
/// Deliveries per second. The last exceeds what one core of a load can read.
const RATES_FULL: [u32; 10] =
    [10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000, 5_120_000];

#[cfg(test)]
mod tests {
    use super::super::workload::{WORKLOADS, Workload};
    use super::*;

    #[test]
    fn every_workload_has_a_point_and_no_point_comes_twice() {
        for scale in [Scale::Quick, Scale::Usual, Scale::Full] {
            let points = scale.points();
            for workload in WORKLOADS.iter().filter(|workload| scale.has(workload)) {
                let found = points.iter().any(|point| point.workload == workload);
                assert!(found, "{} of {}", workload.id, scale.name());
            }
            for (index, point) in points.iter().enumerate() {
                assert!(points[..index].iter().all(|other| other.id != point.id), "{}", point.id);
            }
        }
    }

    impl Scale {
        fn has(self, workload: &Workload) -> bool {
            match workload.id {
                "OWN" => false,
                "RATE" | "ONE" => self == Self::Full,
                _ => true,
            }
        }
    }

    #[test]
    fn the_quick_lab_has_one_point_per_workload() {
        let points = Scale::Quick.points();
        assert_eq!(WORKLOADS.iter().filter(|w| Scale::Quick.has(w)).count(), points.len());
    }

    #[test]
    fn points_of_the_full_lab_are_not_in_the_usual_one() {
        let points = Scale::Usual.points();
        let ids = points.iter().map(|point| &*point.id);
        let saturated: Vec<&str> = ids.filter(|id| id.starts_with('S')).collect();
        assert_eq!(["S64/1000", "S1024/1000", "STORM/2000", "SIZE/100", "SIZE/1000"], *saturated);
    }

    #[test]
    fn a_point_is_selected_by_its_workload_its_sweep_or_its_id() {
        let selected = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            let points = Scale::Full.points();
            points.iter().filter(|point| point.is_requested(&words)).count()
        };
        assert_eq!(Scale::Full.points().len(), selected(&[]));
        assert_eq!(4 * RATES_FULL.len(), selected(&["w2"]));
        assert_eq!(RATES_FULL.len() + 1, selected(&["W2/50", "S64/1000"]));
        assert_eq!(1, selected(&["W2/50@1600"]));
        assert_eq!(8, selected(&["S64"]));
        assert_eq!(0, selected(&["W9"]));
    }
}
