//! Statistics: median and range of runs, noise of two identical entrants, and ranks.

/// The median and the range of one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Summary {
    /// Summarises these values; `None` if there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&least, &most) = sorted.first().zip(sorted.last())?;
        // The median of an even number of values is the mean of the two in the middle.
        let (below, above) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median: f64::midpoint(below, above), least, most })
    }

    /// Whether the two ranges have a value in common.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.least <= other.most && other.least <= self.most
    }
}

/// The relative difference between the highest and the lowest of all runs of two identical entrants. Their own
/// medians are therefore always a tie. `None` if one of them has no runs.
pub(crate) fn noise(one: &[f64], same: &[f64]) -> Option<f64> {
    if one.is_empty() || same.is_empty() {
        return None;
    }
    let all = Summary::of(&[one, same].concat())?;
    Some(apart(all.least, all.most))
}

/// Whether two medians differ by no more than the noise.
pub(crate) fn is_tie(one: f64, other: f64, noise: f64) -> bool {
    apart(one, other) <= noise
}

/// The relative difference of two figures: by which part of the lesser one the other exceeds it. It is infinite if
/// only one is 0, as the context switches of an idle server may be. No figure is negative.
fn apart(one: f64, other: f64) -> f64 {
    let (less, more) = (one.min(other), one.max(other));
    // 0 divided by 0 would be no number.
    if more > less { more / less - 1.0 } else { 0.0 }
}

/// A place in a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rank {
    /// Counted from 1. Entrants that tie share the best place of their group.
    pub(crate) place: usize,
    pub(crate) is_tied: bool,
}

/// The ranks of these medians; the least is the best. A median belongs to a group if it differs from the best of the
/// group by no more than the noise.
pub(crate) fn ranks(medians: &[f64], noise: f64) -> Vec<Rank> {
    let mut order: Vec<usize> = (0..medians.len()).collect();
    order.sort_by(|&one, &other| medians[one].total_cmp(&medians[other]));
    let mut ranks = vec![Rank { place: 1, is_tied: false }; medians.len()];
    let mut start = 0;
    while start < order.len() {
        let best = medians[order[start]];
        let group = order[start..].iter().take_while(|&&at| is_tie(best, medians[at], noise));
        let count = group.count().max(1);
        for &at in &order[start..start + count] {
            ranks[at] = Rank { place: start + 1, is_tied: count > 1 };
        }
        start += count;
    }
    ranks
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "all counts here are far below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        for (values, expected) in [
            (&[3.0, 1.0, 2.0][..], Some((2.0, 1.0, 3.0))),
            (&[4.0, 1.0, 2.0, 3.0], Some((2.5, 1.0, 4.0))),
            (&[7.0], Some((7.0, 7.0, 7.0))),
            (&[], None),
        ] {
            let found = Summary::of(values).map(|s| (s.median, s.least, s.most));
            assert_eq!(expected, found, "{values:?}");
        }
    }

    #[test]
    fn noise_is_the_range_of_both_twins() {
        assert_eq!(Some(1.5), noise(&[2.0, 2.0, 2.5], &[1.0, 2.0]));
        assert_eq!(Some(0.0), noise(&[0.0], &[0.0]));
        assert_eq!(None, noise(&[1.0], &[]));
    }

    #[test]
    fn identical_servers_always_tie() {
        for (one, same) in [
            (&[1.0][..], &[3.0][..]),
            (&[0.1, 0.3, 0.7], &[0.3]),
            (&[0.0], &[5.0]),
            (&[0.0, 1.0], &[0.0, 0.0]),
        ] {
            let medians = [one, same].map(|runs| Summary::of(runs).expect("it has runs").median);
            let noise = noise(one, same).expect("both have runs");
            assert!(is_tie(medians[0], medians[1], noise), "{one:?} and {same:?}: {noise}");
            assert!(ranks(&medians, noise).iter().all(|rank| rank.is_tied && rank.place == 1));
        }
        assert!(!is_tie(0.0, 5.0, 9.0), "5 differs from 0 by more than any noise");
    }

    #[test]
    fn entrants_within_the_noise_share_the_place() {
        let places = |medians: &[f64], noise| -> Vec<(usize, bool)> {
            ranks(medians, noise).iter().map(|rank| (rank.place, rank.is_tied)).collect()
        };
        assert_eq!([(2, false), (1, false)].to_vec(), places(&[2.0, 1.0], 0.5));
        assert_eq!([(1, true), (1, true)].to_vec(), places(&[1.2, 1.0], 0.25));
        let three = [(1, true), (3, false), (1, true)];
        assert_eq!(three.to_vec(), places(&[1.0, 1.3, 1.1], 0.15));
        // Ties do not chain: the third differs too much from the first.
        assert_eq!([(1, true), (1, true), (3, false)].to_vec(), places(&[1.0, 1.125, 1.25], 0.125));
        assert!(places(&[], 0.1).is_empty());
    }

    #[test]
    fn ranges_that_touch_overlap() {
        let range = |least, most| Summary { median: least, least, most };
        assert!(range(1.0, 2.0).overlaps(&range(2.0, 3.0)));
        assert!(range(1.0, 9.0).overlaps(&range(2.0, 3.0)));
        assert!(!range(1.0, 2.0).overlaps(&range(2.1, 3.0)));
    }
}
