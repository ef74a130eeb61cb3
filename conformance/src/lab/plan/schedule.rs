//! Schedule: the order of runs; each repeat has an order of its own, drawn from the seed.

use crate::support::token::mixed;

/// The order of runs at one point. Each repeat has every entrant once, so that other work on the machine affects
/// all entrants alike. The order differs between repeats, so that no entrant always follows the same one.
///
/// The values are indices of entrants. Each inner list is one repeat.
pub(crate) fn schedule(entrants: usize, repeats: u32, point: &str, seed: u64) -> Vec<Vec<usize>> {
    let start = point.bytes().fold(mixed(seed), |sum, byte| mixed(sum ^ u64::from(byte)));
    (0..u64::from(repeats)).map(|repeat| shuffled(entrants, mixed(start ^ repeat))).collect()
}

/// Fisher–Yates shuffle.
fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let chance = mixed(seed.wrapping_add(last as u64)) % (last as u64 + 1);
        order.swap(last, usize::try_from(chance).expect("it is less than the number of entrants"));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_repeat_has_every_entrant_once() {
        for (entrants, repeats) in [(1, 1), (2, 5), (5, 3), (9, 7)] {
            let runs = schedule(entrants, repeats, "S64", 7);
            assert_eq!(repeats as usize, runs.len());
            for mut repeat in runs {
                repeat.sort_unstable();
                assert_eq!((0..entrants).collect::<Vec<_>>(), repeat);
            }
        }
    }

    #[test]
    fn the_order_depends_on_seed_and_point() {
        let drawn = |point, seed| schedule(5, 8, point, seed);
        assert_eq!(drawn("S64", 1), drawn("S64", 1));
        assert_ne!(drawn("S64", 1), drawn("S64", 2));
        assert_ne!(drawn("S64", 1), drawn("W1", 1));
    }

    #[test]
    fn repeats_differ_and_each_entrant_comes_first_at_times() {
        let runs = schedule(4, 99, "S64", 3);
        assert!(runs.iter().any(|repeat| *repeat != runs[0]));
        for entrant in 0..4 {
            let first = runs.iter().filter(|repeat| repeat[0] == entrant).count();
            assert!((10..45).contains(&first), "{entrant} comes first {first} times of 99");
        }
    }
}
