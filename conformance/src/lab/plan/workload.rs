//! Workloads: what each puts on a server, what that isolates, and what its table shows.

/// A kind of load, measured at one or more points.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Workload {
    /// What people ask for.
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// What differs between servers in it.
    pub(crate) isolates: &'static str,
    pub(crate) pace: Pace,
    /// Keys of the metrics in its table, the first of them the one that is ranked.
    pub(crate) columns: &'static [&'static str],
    /// Rules of level 1 that its figures rely on, besides those that everybody is held to.
    pub(crate) relies_on: &'static [&'static str],
}

/// What decides when something is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The clock, whatever the server does.
    Open,
    /// The server's last answer: its times are service times.
    Closed,
    /// Nothing is said.
    Silent,
}

impl Workload {
    /// The one with this id.
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        WORKLOADS.iter().find(|workload| workload.id.eq_ignore_ascii_case(id))
    }

    /// The time or rate that is ranked, too, where load and servers have cores of their own.
    pub(crate) fn timed(&self) -> Option<&'static str> {
        TIMED.into_iter().find(|key| self.columns.contains(key))
    }
}

/// Times and rates that people ask for first; of a workload, the first of these that it shows.
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

/// All of them, in the order in which they are measured and shown.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        id: "W1",
        title: "Ping-pong, one message under way",
        isolates: "the cost of waking up and of scheduling",
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
        title: "4 speak to N at a fixed rate",
        isolates: "fan-out and how writes are gathered",
        pace: Pace::Open,
        columns: PACED,
        relies_on: &[],
    },
    Workload {
        id: "W3",
        title: "N talk to each other, at most N messages under way",
        isolates: "contention for the room",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &["RLY-09"],
    },
    Workload {
        id: "W4",
        title: "10 active among many idle, at a fixed rate",
        isolates: "what waiting on many connections costs",
        pace: Pace::Open,
        columns: PACED,
        relies_on: &["RES-04"],
    },
    Workload {
        id: "W5",
        title: "Join, speak, be heard, leave, one after the other",
        isolates: "accepting, and making and ending threads and tasks",
        pace: Pace::Closed,
        columns: &["visit_cpu_us", "visits", "visit_p50", "visit_p99", "visit_max", "load_busy"],
        relies_on: &["RES-06"],
    },
    Workload {
        id: "W6",
        title: "W2 beside k silent, k in the middle of a frame, k that never read",
        isolates: "whether those that misbehave hold up the others",
        pace: Pace::Open,
        columns: PACED,
        relies_on: &["HSK-05", "SLO-01", "BPR-01"],
    },
    Workload {
        id: "W7",
        title: "Large messages, at most 4 under way",
        isolates: "partial writes and copies",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &["FRM-05"],
    },
    Workload {
        id: "S64",
        title: "10 speak to N (M in MtoN, all to all in talk), saturated, at most 64 messages under way",
        isolates: "fan-out with little to gather",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &[],
    },
    Workload {
        id: "S1024",
        title: "10 speak to N (M in MtoN, all to all in talk), saturated, at most 1024 messages under way",
        isolates: "fan-out with much to gather",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &[],
    },
    Workload {
        id: "MEM",
        title: "Members that say and hear nothing",
        isolates: "memory, threads and open files for each",
        pace: Pace::Silent,
        columns: &["member_kib", "base_kib", "peak_kib", "threads", "descriptors"],
        relies_on: &["RES-04"],
    },
    Workload {
        id: "STORM",
        title: "All come at once",
        isolates: "the backlog and how fast newcomers are admitted",
        pace: Pace::Open,
        columns: &["join_cpu_us", "joins", "connects", "syn_retries", "peak_kib"],
        relies_on: &["RES-04"],
    },
    Workload {
        id: "SIZE",
        title: "1 speaks to N, saturated, at most 64 messages under way",
        isolates: "how the cost of a delivery grows with the room",
        pace: Pace::Closed,
        columns: SATURATED,
        relies_on: &["RES-04"],
    },
    Workload {
        id: "RATE",
        title: "10 speak to 100 at a fixed rate",
        isolates: "how long the slowest deliveries of a busy room take",
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
        title: "1 speaks 5 times a second to N who have heard next to nothing and say nothing",
        isolates: "how long one message takes to the last of many idle members",
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
        title: "A fan-out of your own, 1 speaks to N",
        isolates: "what you ask for with --listeners, --size and --in-flight",
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
