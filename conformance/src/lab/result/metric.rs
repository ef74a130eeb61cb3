//! Metrics: every figure that a run can have, how it is shown, and which way is better.

use std::collections::BTreeMap;

/// What one run found, by the keys of [`METRICS`]. What the system does not tell is not in it.
pub(crate) type Figures = BTreeMap<String, f64>;

/// One kind of figure.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Its name in files.
    pub(crate) key: &'static str,
    /// Its name in tables, with the unit.
    pub(crate) title: &'static str,
    pub(crate) better: Better,
    /// Digits after the point.
    digits: usize,
    /// Shown divided by this.
    scale: f64,
}

/// Which way a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
    /// It says something of the load or of the model, and neither way is better.
    Neither,
}

impl Metric {
    /// The one with this key.
    ///
    /// # Panics
    ///
    /// There is none: keys are constants of this crate.
    pub(crate) fn of(key: &str) -> &'static Self {
        Self::find(key).unwrap_or_else(|| panic!("{key} is the key of no metric"))
    }

    /// The one with this key, which may come from a file.
    pub(crate) fn find(key: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.key == key)
    }

    /// A figure as tables show it.
    pub(crate) fn show(&self, value: f64) -> String {
        format!("{:.*}", self.digits, value / self.scale)
    }
}

const fn metric(
    key: &'static str,
    title: &'static str,
    better: Better,
    digits: usize,
    scale: f64,
) -> Metric {
    Metric { key, title, better, digits, scale }
}

use Better::{Less, More, Neither};

/// All of them. Times are microseconds, sizes KiB, and rates per second, unless the title says more.
pub(crate) const METRICS: &[Metric] = &[
    metric("cpu_us", "CPU-µs each", Less, 4, 1.0),
    metric("user_us", "user", Less, 4, 1.0),
    metric("system_us", "system", Less, 4, 1.0),
    metric("switches", "switches/1000", Less, 3, 1.0),
    metric("deliveries", "M deliveries/s", More, 3, 1e6),
    metric("each_p50", "each p50 µs", Less, 0, 1.0),
    metric("each_p90", "each p90 µs", Less, 0, 1.0),
    metric("each_p99", "each p99 µs", Less, 0, 1.0),
    metric("each_p999", "each p99.9 µs", Less, 0, 1.0),
    metric("each_max", "each max µs", Less, 0, 1.0),
    metric("last_p50", "last p50 µs", Less, 0, 1.0),
    metric("last_p90", "last p90 µs", Less, 0, 1.0),
    metric("last_p99", "last p99 µs", Less, 0, 1.0),
    metric("last_p999", "last p99.9 µs", Less, 0, 1.0),
    metric("last_max", "last max µs", Less, 0, 1.0),
    metric("late_p99", "load late p99 µs", Neither, 0, 1.0),
    metric("rate", "messages/s", Neither, 0, 1.0),
    metric("round_p50", "round trip p50 µs", Less, 1, 1.0),
    metric("round_p90", "round trip p90 µs", Less, 1, 1.0),
    metric("round_p99", "round trip p99 µs", Less, 1, 1.0),
    metric("round_p999", "round trip p99.9 µs", Less, 1, 1.0),
    metric("round_max", "round trip max µs", Less, 0, 1.0),
    metric("visits", "visits/s", More, 0, 1.0),
    metric("visit_p50", "visit p50 µs", Less, 0, 1.0),
    metric("visit_p90", "visit p90 µs", Less, 0, 1.0),
    metric("visit_p99", "visit p99 µs", Less, 0, 1.0),
    metric("visit_p999", "visit p99.9 µs", Less, 0, 1.0),
    metric("visit_max", "visit max µs", Less, 0, 1.0),
    metric("visit_cpu_us", "CPU-µs a visit", Less, 1, 1.0),
    metric("joins", "joins/s", More, 0, 1.0),
    metric("connects", "connects/s", More, 0, 1.0),
    metric("syn_retries", "SYN retries", Less, 0, 1.0),
    metric("join_cpu_us", "CPU-µs a join", Less, 1, 1.0),
    metric("base_kib", "KiB at rest", Less, 0, 1.0),
    metric("member_kib", "KiB/idle member", Less, 2, 1.0),
    metric("peak_kib", "KiB at most", Less, 0, 1.0),
    metric("threads", "threads", Neither, 0, 1.0),
    metric("descriptors", "open files", Neither, 0, 1.0),
    metric("load_busy", "load CPU %", Neither, 0, 0.01),
    metric("strayed", "heard another order", Neither, 0, 1.0),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_stands_for_two_metrics() {
        for (index, metric) in METRICS.iter().enumerate() {
            assert!(METRICS[..index].iter().all(|other| other.key != metric.key), "{}", metric.key);
        }
    }

    #[test]
    fn figures_are_shown_in_the_unit_of_their_title() {
        assert_eq!("63.000", Metric::of("deliveries").show(63e6));
        assert_eq!("85", Metric::of("load_busy").show(0.85));
        assert_eq!("0.0160", Metric::of("cpu_us").show(0.016));
    }
}
