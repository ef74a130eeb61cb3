//! Points: workloads with their numbers, and the load that each puts on a server.

use load::Shape;
use load::wire::Dialect;

use super::workload::Workload;
use crate::lab::result::statistics::float;

/// A workload with its numbers. Every entrant is measured at it.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    /// Its workload and its numbers, such as `W2/50@1000`.
    pub(crate) id: String,
    pub(crate) workload: &'static Workload,
    pub(crate) load: Load,
    /// Flags that our servers need for it.
    pub(crate) flags: &'static [&'static str],
}

/// The load on the server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Load {
    PingPong,
    FanOut { crowd: Size, in_flight: u64 },
    Paced { crowd: Size, rate: f64, bad: usize },
    Single { listeners: usize },
    Churn,
    Idle { members: usize },
    Storm { clients: usize },
}

/// How many clients send, how many only listen, and the bytes of each message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) speakers: usize,
    pub(crate) listeners: usize,
    pub(crate) bytes: usize,
}

impl Point {
    /// A fan-out with the numbers of the command line.
    pub(crate) fn own(listeners: usize, bytes: usize, in_flight: u64) -> Self {
        let crowd = Size { speakers: 1, listeners, bytes };
        let rest = format!("/{listeners}x{bytes}B@{in_flight}");
        point("OWN", &rest, Load::FanOut { crowd, in_flight })
    }

    /// The part of the id that all points of a sweep share.
    pub(crate) fn sweep(&self) -> &str {
        self.id.split_once('@').map_or(&*self.id, |(sweep, _)| sweep)
    }

    /// Whether a word of the command line selects it: the id of its workload, of its sweep, or its own.
    pub(crate) fn is_requested(&self, words: &[String]) -> bool {
        let is_meant = |word: &String| {
            let ids = [self.workload.id, &self.id, self.sweep()];
            ids.iter().any(|id| word.eq_ignore_ascii_case(id))
        };
        words.is_empty() || words.iter().any(is_meant)
    }
}

impl Size {
    /// The same as a `Shape` of the load, for a server with this dialect.
    pub(crate) fn shape(self, dialect: Dialect) -> Shape {
        let Self { speakers, listeners, bytes } = self;
        Shape { speakers, listeners, size: bytes, dialect }
    }
}

impl Load {
    /// The connections that the load has open at the same time.
    pub(crate) fn connections(&self) -> usize {
        match *self {
            Self::PingPong | Self::Churn => 2,
            Self::FanOut { crowd, .. } => crowd.speakers + crowd.listeners,
            Self::Paced { crowd, bad, .. } => crowd.speakers + crowd.listeners + 3 * bad,
            Self::Idle { members } => members + 1,
            Self::Single { listeners } => listeners + 1,
            Self::Storm { clients } => clients + 1,
        }
    }

    /// Whether the senders are also the listeners.
    pub(crate) fn senders_listen(&self) -> bool {
        match *self {
            Self::PingPong => true,
            Self::FanOut { crowd, .. } => crowd.listeners == 0,
            _ => false,
        }
    }
}

pub(crate) fn point(workload: &str, rest: &str, load: Load) -> Point {
    let workload = Workload::find(workload).expect("points belong to workloads of this crate");
    Point { id: format!("{}{rest}", workload.id), workload, load, flags: &[] }
}

pub(crate) fn sweep(listeners: usize, deliveries: u32) -> Point {
    let rate = (f64::from(deliveries) / float(listeners as u64)).round();
    let crowd = Size { speakers: 4, listeners, bytes: BYTES };
    point("W2", &format!("/{listeners}@{rate}"), Load::Paced { crowd, rate, bad: 0 })
}

pub(crate) fn talk(speakers: usize) -> Point {
    let crowd = Size { speakers, listeners: 0, bytes: BYTES };
    point("W3", &format!("/{speakers}"), Load::FanOut { crowd, in_flight: speakers as u64 })
}

/// The same number of deliveries per second in rooms of every size: only the number of idle members differs.
pub(crate) fn idle_among(listeners: usize) -> Point {
    let rate = 50_000.0 / float(listeners as u64);
    let crowd = Size { speakers: 10, listeners, bytes: BYTES };
    point("W4", &format!("/{listeners}"), Load::Paced { crowd, rate, bad: 0 })
}

pub(crate) fn beside_bad(bad: usize) -> Point {
    let crowd = Size { speakers: 4, listeners: 50, bytes: BYTES };
    point("W6", &format!("/{bad}"), Load::Paced { crowd, rate: 1000.0, bad })
}

pub(crate) fn large(name: &str, bytes: usize, flags: &'static [&'static str]) -> Point {
    let crowd = Size { speakers: 1, listeners: 10, bytes };
    Point { flags, ..point("W7", &format!("/{name}"), Load::FanOut { crowd, in_flight: 4 }) }
}

pub(crate) fn saturated(workload: &str, listeners: usize, in_flight: u64) -> Point {
    let crowd = Size { speakers: 10, listeners, bytes: BYTES };
    point(workload, &format!("/{listeners}"), Load::FanOut { crowd, in_flight })
}

/// The same bound in smaller rooms, with 64 B and with 1 KiB; and one room in which all send and listen.
pub(crate) fn saturated_rooms(workload: &str, in_flight: u64) -> Vec<Point> {
    let fan_out = |rest: &str, crowd| point(workload, rest, Load::FanOut { crowd, in_flight });
    let mut points = Vec::new();
    for (size, bytes) in [("", BYTES), ("x1KiB", 1024)] {
        for (speakers, listeners) in [(1, 10), (1, 100), (10, 100)] {
            let rest = format!("/{speakers}to{listeners}{size}");
            points.push(fan_out(&rest, Size { speakers, listeners, bytes }));
        }
    }
    points.push(fan_out("/100talk", Size { speakers: 100, listeners: 0, bytes: BYTES }));
    points
}

pub(crate) fn rated(rate: u32) -> Point {
    let crowd = Size { speakers: 10, listeners: 100, bytes: BYTES };
    point("RATE", &format!("/{rate}"), Load::Paced { crowd, rate: f64::from(rate), bad: 0 })
}

pub(crate) fn single(listeners: usize) -> Point {
    point("ONE", &format!("/{listeners}"), Load::Single { listeners })
}

pub(crate) fn room(listeners: usize) -> Point {
    let crowd = Size { speakers: 1, listeners, bytes: BYTES };
    point("SIZE", &format!("/{listeners}"), Load::FanOut { crowd, in_flight: 64 })
}

/// Bytes of a message: about a line that a person types.
const BYTES: usize = 64;
