//! Guard: whether a run tells of the server, or only of the load that was put on it.

use crate::lab::result::metric::Figures;

/// Why the load set the pace, if it did: it had no time left, or it was late by a part of what was measured.
pub(in crate::lab) fn client_bound(figures: &Figures) -> Option<String> {
    let figure = |key: &str| figures.get(key).copied();
    if let Some(busy) = figure("load_busy").filter(|busy| *busy > BUSY_MAX) {
        return Some(format!("the load took {:.0} % of its core", 100.0 * busy));
    }
    let (late, took) = figure("late_p99").zip(figure("last_p99"))?;
    let is_late = late > LATE_MAX * took;
    is_late.then(|| format!("the load was {late:.0} µs late at p99, of {took:.0} µs"))
}

/// Above this share of its one core, the load and not the server sets the pace.
const BUSY_MAX: f64 = 0.8;
/// Above this part of the latency, what is measured is how late the load was.
const LATE_MAX: f64 = 0.05;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_or_late_load_is_the_limit() {
        for (figures, bound) in [
            (&[("load_busy", 0.8)][..], None),
            (&[("load_busy", 0.81)], Some("the load took 81 % of its core")),
            (&[("late_p99", 5.0), ("last_p99", 100.0)], None),
            (
                &[("late_p99", 6.0), ("last_p99", 100.0), ("load_busy", 0.5)],
                Some("the load was 6 µs late at p99, of 100 µs"),
            ),
            (&[("late_p99", 6.0)], None),
            (&[], None),
        ] {
            let figures = figures.iter().map(|&(key, value)| (key.to_owned(), value)).collect();
            assert_eq!(bound.map(String::from), client_bound(&figures), "{figures:?}");
        }
    }
}
