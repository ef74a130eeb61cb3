//! Statistics: the median and the range of some runs, the noise of two identical entrants, and ranks.

/// The runs of one entrant in one figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Summary {
    /// Of these values; `None` if there are none.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (&least, &most) = sorted.first().zip(sorted.last())?;
        // Of an even number, the mean of the middle two.
        let (below, above) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { median: f64::midpoint(below, above), least, most })
    }

    /// Whether some value may belong to both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.least <= other.most && other.least <= self.most
    }
}

/// How far two entrants may lie apart that are the same server: the highest and the lowest of all runs of both.
/// So their own medians are always a tie. `None` if nothing was measured twice.
pub(crate) fn noise(one: &[f64], same: &[f64]) -> Option<f64> {
    if one.is_empty() || same.is_empty() {
        return None;
    }
    let all = Summary::of(&[one, same].concat())?;
    Some(apart(all.least, all.most))
}

/// Whether two medians are no further apart than the noise.
pub(crate) fn is_tie(one: f64, other: f64, noise: f64) -> bool {
    apart(one, other) <= noise
}

/// By which part of the lesser of two figures the other one is more: without a bound if only one is nothing,
/// as the switches of an idle server may be. No figure is negative.
fn apart(one: f64, other: f64) -> f64 {
    let (less, more) = (one.min(other), one.max(other));
    // Of 0 and 0 there is no quotient.
    if more > less { more / less - 1.0 } else { 0.0 }
}

/// A place in a ranking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rank {
    /// Counted from 1; those that tie share the best place of them.
    pub(crate) place: usize,
    pub(crate) is_tied: bool,
}

/// The places of these medians, the least being the best. Whoever is no further than the noise from the
/// best of a group belongs to the group.
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

/// A count among the figures.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
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
            let noise = noise(one, same).expect("both were measured");
            assert!(is_tie(medians[0], medians[1], noise), "{one:?} and {same:?}: {noise}");
            assert!(ranks(&medians, noise).iter().all(|rank| rank.is_tied && rank.place == 1));
        }
        assert!(!is_tie(0.0, 5.0, 9.0), "what is not nothing differs from nothing");
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
        // Nobody is carried along a chain: the third is too far from the first.
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
