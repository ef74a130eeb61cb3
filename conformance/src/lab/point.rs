//! Points: where each workload is measured, and how much of it the quick, usual and full lab do.

use std::time::Duration;

use super::workload::Workload;
use crate::dialect::Dialect;
use crate::load::Shape;

/// One place at which every entrant is measured.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// Its workload and what tells it from the others, such as `W2/50@1000`.
    pub(super) id: String,
    pub(super) workload: &'static Workload,
    pub(super) load: Load,
    /// Flags that our servers need for it.
    pub(super) flags: &'static [&'static str],
}

/// What is put on the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Load {
    PingPong,
    FanOut { crowd: Size, in_flight: u64 },
    Paced { crowd: Size, rate: f64, bad: usize },
    Churn,
    Idle { members: usize },
    Storm { clients: usize },
}

/// How many speak, how many only listen, and how many bytes each message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) speakers: usize,
    pub(super) listeners: usize,
    pub(super) bytes: usize,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// A point for each workload, and under a minute.
    Quick,
    /// Some minutes.
    Usual,
    /// Everything.
    Full,
}

impl Scale {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Usual => "usual",
            Self::Full => "full",
        }
    }

    /// How often each entrant is measured unless told otherwise.
    pub(super) fn repeats(self) -> u32 {
        if self == Self::Quick { 3 } else { 5 }
    }

    /// The time that counts.
    pub(super) fn measured(self) -> Duration {
        Duration::from_millis(match self {
            Self::Quick => 120,
            Self::Usual => 600,
            Self::Full => 1500,
        })
    }

    /// One slice of warming up, and how many there may be before a run counts as unsteady.
    pub(super) fn warm_up(self) -> (Duration, u32) {
        match self {
            Self::Quick => (Duration::from_millis(30), 4),
            Self::Usual => (Duration::from_millis(100), 6),
            Self::Full => (Duration::from_millis(100), 15),
        }
    }

    /// All points of this scale, workload by workload.
    pub(super) fn points(self) -> Vec<Point> {
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
        points.push(saturated("S64", listeners, 64));
        points.push(saturated("S1024", listeners, 1024));
        points.extend(
            self.of(&[1000], &[1000, 9000])
                .map(|members| point("MEM", &format!("/{members}"), Load::Idle { members })),
        );
        let clients = if self == Self::Quick { 1000 } else { 2000 };
        points.push(point("STORM", &format!("/{clients}"), Load::Storm { clients }));
        points.extend(self.room_sizes().iter().copied().map(room));
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

    /// The rates of W2: deliveries a second, shared among so many listeners.
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

impl Point {
    /// A fan-out as somebody asks for it.
    pub(super) fn own(listeners: usize, bytes: usize, in_flight: u64) -> Self {
        let crowd = Size { speakers: 1, listeners, bytes };
        let rest = format!("/{listeners}x{bytes}B@{in_flight}");
        point("OWN", &rest, Load::FanOut { crowd, in_flight })
    }

    /// What a sweep of rates has in common.
    pub(super) fn sweep(&self) -> &str {
        self.id.split_once('@').map_or(&*self.id, |(sweep, _)| sweep)
    }
}

impl Size {
    /// As the load has it, for a server that understands this.
    pub(super) fn shape(self, dialect: Dialect) -> Shape {
        let Self { speakers, listeners, bytes } = self;
        Shape { speakers, listeners, size: bytes, dialect }
    }
}

impl Load {
    /// Connections that the load has at once.
    pub(super) fn connections(&self) -> usize {
        match *self {
            Self::PingPong | Self::Churn => 2,
            Self::FanOut { crowd, .. } => crowd.speakers + crowd.listeners,
            Self::Paced { crowd, bad, .. } => crowd.speakers + crowd.listeners + 3 * bad,
            Self::Idle { members } => members + 1,
            Self::Storm { clients } => clients + 1,
        }
    }
}

fn point(workload: &str, rest: &str, load: Load) -> Point {
    let workload = Workload::find(workload).expect("points belong to workloads of this crate");
    Point { id: format!("{}{rest}", workload.id), workload, load, flags: &[] }
}

fn sweep(listeners: usize, deliveries: u32) -> Point {
    let rate = (f64::from(deliveries) / super::trial::float(listeners as u64)).round();
    let crowd = Size { speakers: 4, listeners, bytes: BYTES };
    point("W2", &format!("/{listeners}@{rate}"), Load::Paced { crowd, rate, bad: 0 })
}

fn talk(speakers: usize) -> Point {
    let crowd = Size { speakers, listeners: 0, bytes: BYTES };
    point("W3", &format!("/{speakers}"), Load::FanOut { crowd, in_flight: speakers as u64 })
}

/// The same number of deliveries in rooms of every size: what differs is how many are idle at a time.
fn idle_among(listeners: usize) -> Point {
    let rate = 50_000.0 / super::trial::float(listeners as u64);
    let crowd = Size { speakers: 10, listeners, bytes: BYTES };
    point("W4", &format!("/{listeners}"), Load::Paced { crowd, rate, bad: 0 })
}

fn beside_bad(bad: usize) -> Point {
    let crowd = Size { speakers: 4, listeners: 50, bytes: BYTES };
    point("W6", &format!("/{bad}"), Load::Paced { crowd, rate: 1000.0, bad })
}

fn large(name: &str, bytes: usize, flags: &'static [&'static str]) -> Point {
    let crowd = Size { speakers: 1, listeners: 10, bytes };
    Point { flags, ..point("W7", &format!("/{name}"), Load::FanOut { crowd, in_flight: 4 }) }
}

fn saturated(workload: &str, listeners: usize, in_flight: u64) -> Point {
    let crowd = Size { speakers: 10, listeners, bytes: BYTES };
    point(workload, &format!("/{listeners}"), Load::FanOut { crowd, in_flight })
}

fn room(listeners: usize) -> Point {
    let crowd = Size { speakers: 1, listeners, bytes: BYTES };
    point("SIZE", &format!("/{listeners}"), Load::FanOut { crowd, in_flight: 64 })
}

/// The length of a line that people type.
const BYTES: usize = 64;
/// Doubled each time, up to what no load here gets through one core.
const RATES_FULL: [u32; 10] =
    [10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000, 5_120_000];

#[cfg(test)]
mod tests {
    use super::super::workload::WORKLOADS;
    use super::*;

    #[test]
    fn every_workload_has_a_point_and_no_point_comes_twice() {
        for scale in [Scale::Quick, Scale::Usual, Scale::Full] {
            let points = scale.points();
            for workload in WORKLOADS.iter().filter(|workload| workload.id != "OWN") {
                let found = points.iter().any(|point| point.workload == workload);
                assert!(found, "{} of {}", workload.id, scale.name());
            }
            for (index, point) in points.iter().enumerate() {
                assert!(points[..index].iter().all(|other| other.id != point.id), "{}", point.id);
            }
        }
    }

    #[test]
    fn what_is_measured_quickly_is_one_point_a_workload() {
        let points = Scale::Quick.points();
        assert_eq!(WORKLOADS.len() - 1, points.len());
    }

    #[test]
    fn a_point_is_asked_for_by_its_workload_its_sweep_or_itself() {
        let asked = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(ToString::to_string).collect();
            let points = Scale::Full.points();
            points.iter().filter(|point| Workload::is_asked(point, &words)).count()
        };
        assert_eq!(Scale::Full.points().len(), asked(&[]));
        assert_eq!(4 * RATES_FULL.len(), asked(&["w2"]));
        assert_eq!(RATES_FULL.len() + 1, asked(&["W2/50", "S64"]));
        assert_eq!(1, asked(&["W2/50@1600"]));
        assert_eq!(0, asked(&["W9"]));
    }
}
