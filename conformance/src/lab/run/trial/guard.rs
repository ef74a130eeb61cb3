//! Guard: whether the load, and not the server, was the limit of a run.

use crate::lab::result::metric::Figures;

/// Why a run is client-bound, if it is: the load had no CPU time left, or its send delay was a large part of the
/// latency.
pub(in crate::lab) fn client_bound(figures: &Figures) -> Option<String> {
    let figure = |key: &str| figures.get(key).copied();
    if let Some(busy) = figure("load_busy").filter(|busy| *busy > BUSY_MAX) {
        return Some(format!("the load used {:.0} % of its core", 100.0 * busy));
    }
    let (late, took) = figure("late_p99").zip(figure("last_p99"))?;
    let is_late = late > LATE_MAX * took;
    is_late.then(|| format!("send delay {late:.0} µs of {took:.0} µs latency (p99)"))
}

/// The load is the limit if it uses more than this share of its one core.
const BUSY_MAX: f64 = 0.8;
/// The load is the limit if its send delay is more than this share of the latency.
const LATE_MAX: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_or_late_load_is_the_limit() {
        for (figures, bound) in [
            (&[("load_busy", 0.8)][..], None),
            (&[("load_busy", 0.81)], Some("the load used 81 % of its core")),
            (&[("late_p99", 5.0), ("last_p99", 100.0)], None),
            (
                &[("late_p99", 6.0), ("last_p99", 100.0), ("load_busy", 0.5)],
                Some("send delay 6 µs of 100 µs latency (p99)"),
            ),
            (&[("late_p99", 6.0)], None),
            (&[], None),
        ] {
            let figures = figures.iter().map(|&(key, value)| (key.to_owned(), value)).collect();
            assert_eq!(bound.map(String::from), client_bound(&figures), "{figures:?}");
        }
    }
}
