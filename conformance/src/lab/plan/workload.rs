//! Workloads: the load of each, what it isolates, and the columns of its table.

/// A kind of load. It is measured at one or more points.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// Its name on the command line.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// The property of a server that it shows.
    pub(crate) isolates: &'static str,
    pub(crate) pace: Pace,
    /// Keys of the metrics in its table. The first is ranked.
    pub(crate) columns: &'static [&'static str],
    /// Rules of level 1 that its figures rely on, besides those that every server is checked against.
    pub(crate) relies_on: &'static [&'static str],
}

/// What decides when the next message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The clock, whatever the server does: an open loop.
    Open,
    /// The deliveries so far: a closed loop. Its times are service times.
    Closed,
    /// No message is sent.
    Silent,
}

impl Workload {
    /// The one with this id.
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.id.eq_ignore_ascii_case(id))
    }

    /// Its main time or rate. It is ranked, too, if load and servers have separate cores.
    pub(crate) fn timed(&self) -> Option<&'static str> {
        TIMED.into_iter().find(|key| self.columns.contains(key))
    }
}

/// Main times and rates. A workload has the first of these among its columns.
const TIMED: [&str; 6] = ["last_p99", "round_p50", "visit_p50", "deliveries", "joins", "last_p50"];
const SATURATED: &[&str] = &[
    "cpu_us",
    "user_us",
    "system_us",
    "switches",
    "deliveries",
    "threads",
    "peak_kib",
    "load_busy",
    "strayed",
];
const PACED: &[&str] = &[
    "cpu_us",
    "switches",
    "rate",
    "each_p50",
    "each_p99",
    "last_p50",
    "last_p90",
    "last_p99",
    "last_p999",
    "last_max",
    "late_p99",
    "load_busy",
];

/// All workloads, in the order of the report.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        id: "W1",
        title: "ping-pong, one message in flight",
        isolates: "wake-ups and scheduling",
        pace: Pace::Closed,
        columns: &[
            "cpu_us",
            "switches",
            "round_p50",
            "round_p99",
            "round_max",
            "threads",
            "load_busy",
        ],
        relies_on: &[],
    },
    Workload {
        id: "W2",
        title: "4 senders, N listeners, fixed rate",
        isolates: "fan-out, and how writes are batched",
        pace: Pace::Open,
        columns: PACED,
        relies_on: &[],
    },
    Workload {
        id: "W3",
        title: "N members send to each other, at most N messages in flight",
        isolates: "contention for the room",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &["RLY-09"],
    },
    Workload {
        id: "W4",
        title: "10 senders among N idle members, fixed rate",
        isolates: "the cost of waiting on many connections",
        pace: Pace::Open,
        columns: PACED,
        relies_on: &["RES-04"],
    },
    Workload {
        id: "W5",
        title: "clients join, send, receive and leave, one after the other",
        isolates: "accepting; starting and ending threads and tasks",
        pace: Pace::Closed,
        columns: &["visit_cpu_us", "visits", "visit_p50", "visit_p99", "visit_max", "load_busy"],
        relies_on: &["RES-06"],
    },
    Workload {
        id: "W6",
        title: "W2 beside k silent clients, k in mid-frame, k that never read",
        isolates: "whether misbehaving clients delay the others",
        pace: Pace::Open,
        columns: PACED,
        relies_on: &["HSK-05", "SLO-01", "BPR-01"],
    },
    Workload {
        id: "W7",
        title: "large messages, at most 4 in flight",
        isolates: "partial writes, copies",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &["FRM-05"],
    },
    Workload {
        id: "S64",
        title: "10 senders, N listeners (MtoN: M senders; talk: all send), saturated, at most 64 messages in flight",
        isolates: "fan-out with small batches",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &[],
    },
    Workload {
        id: "S1024",
        title: "10 senders, N listeners (MtoN: M senders; talk: all send), saturated, at most 1024 messages in flight",
        isolates: "fan-out with large batches",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &[],
    },
    Workload {
        id: "MEM",
        title: "N members, no messages",
        isolates: "memory, threads and open files per member",
        pace: Pace::Silent,
        columns: &["member_kib", "base_kib", "peak_kib", "threads", "descriptors"],
        relies_on: &["RES-04"],
    },
    Workload {
        id: "STORM",
        title: "N clients connect at once",
        isolates: "the backlog, and how fast clients join",
        pace: Pace::Open,
        columns: &["join_cpu_us", "joins", "connects", "syn_retries", "peak_kib"],
        relies_on: &["RES-04"],
    },
    Workload {
        id: "SIZE",
        title: "1 sender, N listeners, saturated, at most 64 messages in flight",
        isolates: "how the cost of a delivery grows with the room",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &["RES-04"],
    },
    Workload {
        id: "RATE",
        title: "10 senders, 100 listeners, fixed rate",
        isolates: "the slowest deliveries of a busy room",
        pace: Pace::Open,
        columns: &[
            "cpu_us",
            "switches",
            "rate",
            "each_p50",
            "each_p99",
            "each_p999",
            "each_max",
            "last_p50",
            "last_p99",
            "last_p999",
            "last_max",
            "late_p99",
            "load_busy",
        ],
        relies_on: &[],
    },
    Workload {
        id: "ONE",
        title: "1 sender, 5 messages/s, N idle listeners that have received few messages",
        isolates: "latency of one message to the last of many idle members",
        pace: Pace::Open,
        columns: &[
            "cpu_us",
            "switches",
            "each_p50",
            "last_p50",
            "last_max",
            "late_p99",
            "load_busy",
        ],
        relies_on: &["RES-04"],
    },
    Workload {
        id: "OWN",
        title: "your own fan-out, 1 sender, N listeners",
        isolates: "whatever --listeners, --size and --in-flight select",
        pace: Pace::Closed,
        columns: &[
            "cpu_us",
            "user_us",
            "system_us",
            "switches",
            "deliveries",
            "member_kib",
            "threads",
            "load_busy",
            "strayed",
        ],
        relies_on: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::result::metric::{Better, Metric};
    use crate::spec::rules;
    use crate::suite::is_tested;

    #[test]
    fn every_column_is_a_metric_and_the_first_can_be_ranked() {
        for workload in WORKLOADS {
            let columns = workload.columns.iter().map(|key| Metric::of(key));
            let columns: Vec<_> = columns.map(|metric| metric.better).collect();
            assert_eq!(Better::Less, columns[0], "{}", workload.id);
        }
    }

    #[test]
    fn every_workload_with_messages_has_a_time_or_rate() {
        for workload in WORKLOADS {
            let has_messages = workload.pace != Pace::Silent;
            assert_eq!(has_messages, workload.timed().is_some(), "{}", workload.id);
        }
    }

    #[test]
    fn a_workload_relies_on_tested_rules() {
        let rules = rules();
        for id in WORKLOADS.iter().flat_map(|workload| workload.relies_on) {
            assert!(rules.iter().any(|rule| rule.id == *id && is_tested(rule)), "{id}");
        }
    }
}
