//! Metrics: every figure that a run can have, its title and unit, and which direction is better.

use std::collections::BTreeMap;

/// The figures of one run, by the keys of [`METRICS`]. A figure that the system does not provide is missing.
pub(crate) type Figures = BTreeMap<String, f64>;

/// One kind of figure.
#[derive(Debug)]
pub(crate) struct Metric {
    /// Its name in lab.json.
    pub(crate) key: &'static str,
    /// Its title in tables, with the unit.
    pub(crate) title: &'static str,
    pub(crate) better: Better,
    /// Digits after the decimal point.
    digits: usize,
    /// The value is divided by this before it is shown.
    scale: f64,
}

/// Which direction of a figure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
    /// It describes the load or the model; neither direction is better.
    Neither,
}

impl Metric {
    /// The metric with this key.
    ///
    /// # Panics
    ///
    /// No metric has this key. Keys are constants of this crate.
    pub(crate) fn of(key: &str) -> &'static Self {
        Self::find(key).unwrap_or_else(|| panic!("{key} is the key of no metric"))
    }

    /// The metric with this key, which may come from a file.
    pub(crate) fn find(key: &str) -> Option<&'static Self> {
        METRICS.iter().find(|metric| metric.key == key)
    }

    /// A figure in the unit of the title.
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

/// All metrics. Values are microseconds, KiB and rates per second, divided by their scale in tables.
pub(crate) const METRICS: &[Metric] = &[
    metric("cpu_us", "CPU-µs per delivery", Less, 4, 1.0),
    metric("user_us", "user CPU-µs", Less, 4, 1.0),
    metric("system_us", "system CPU-µs", Less, 4, 1.0),
    metric("switches", "context switches per 1000", Less, 3, 1.0),
    metric("deliveries", "M deliveries/s", More, 3, 1e6),
    metric("each_p50", "latency to one member p50 µs", Less, 0, 1.0),
    metric("each_p90", "latency to one member p90 µs", Less, 0, 1.0),
    metric("each_p99", "latency to one member p99 µs", Less, 0, 1.0),
    metric("each_p999", "latency to one member p99.9 µs", Less, 0, 1.0),
    metric("each_max", "latency to one member max µs", Less, 0, 1.0),
    metric("last_p50", "latency to last member p50 µs", Less, 0, 1.0),
    metric("last_p90", "latency to last member p90 µs", Less, 0, 1.0),
    metric("last_p99", "latency to last member p99 µs", Less, 0, 1.0),
    metric("last_p999", "latency to last member p99.9 µs", Less, 0, 1.0),
    metric("last_max", "latency to last member max µs", Less, 0, 1.0),
    metric("late_p99", "send delay p99 µs", Neither, 0, 1.0),
    metric("rate", "messages sent/s", Neither, 0, 1.0),
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
    metric("visit_cpu_us", "CPU-µs per visit", Less, 1, 1.0),
    metric("joins", "joins/s", More, 0, 1.0),
    metric("connects", "connects/s", More, 0, 1.0),
    metric("syn_retries", "SYN retries", Less, 0, 1.0),
    metric("join_cpu_us", "CPU-µs per join", Less, 1, 1.0),
    metric("base_kib", "resident KiB at start", Less, 0, 1.0),
    metric("member_kib", "KiB per idle member", Less, 2, 1.0),
    metric("peak_kib", "peak resident KiB", Less, 0, 1.0),
    metric("threads", "threads", Neither, 0, 1.0),
    metric("descriptors", "open files", Neither, 0, 1.0),
    metric("load_busy", "load CPU %", Neither, 0, 0.01),
    metric("strayed", "listeners with different order", Neither, 0, 1.0),
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
