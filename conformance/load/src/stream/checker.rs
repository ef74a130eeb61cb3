//! Checker: one receiver's check of the numbered messages of several speakers.

use std::collections::BTreeMap;

use super::message::Stamp;
use crate::error::Violation;

/// What one receiver has received of each speaker's messages, and so which one must come next.
///
/// Each speaker numbers its messages without a gap, so one number per speaker shows a lost, a
/// duplicated and a reordered message. [`parse`](super::parse) detects an altered one. The checker
/// does no input and no output: a caller passes it every message in the order of arrival. After a
/// violation it goes on, so that a caller can count the violations of a stream; a caller that stops
/// at the first one ignores the rest.
///
/// ```
/// use load::{Stamp, StreamChecker, Violation};
///
/// let mut checker = StreamChecker::new(1);
/// // The first message of a speaker sets its count.
/// assert_eq!(Ok(()), checker.check(Stamp { speaker: 0, sequence: 7 }));
/// let gap = Violation::Gap { speaker: 0, expected: 8, got: 9 };
/// assert_eq!(Err(gap), checker.check(Stamp { speaker: 0, sequence: 9 }));
/// let reordered = Violation::Reordered { speaker: 0, expected: 10, got: 8 };
/// assert_eq!(Err(reordered), checker.check(Stamp { speaker: 0, sequence: 8 }));
/// let duplicated = Violation::Duplicated { speaker: 0, expected: 10, got: 8 };
/// assert_eq!(Err(duplicated), checker.check(Stamp { speaker: 0, sequence: 8 }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamChecker {
    /// By speaker: the number of the message that comes next; `None` before its first one.
    next: Vec<Option<u64>>,
    /// Numbers below `next` that did not come. The key is the speaker and the first number of a
    /// range, the value the number after the range: a number from the wire sizes no allocation.
    missing: BTreeMap<(usize, u64), u64>,
    /// Speakers of whom no message has come.
    unknown: usize,
    /// The sum of all known numbers in `next`.
    passed: u64,
}

impl StreamChecker {
    /// A checker of this many speakers. The first message of a speaker sets the speaker's count.
    pub fn new(speakers: usize) -> Self {
        Self { next: vec![None; speakers], missing: BTreeMap::new(), unknown: speakers, passed: 0 }
    }

    /// A checker of speakers whose next numbers are known.
    pub fn starting_at(next: &[u64]) -> Self {
        Self {
            next: next.iter().copied().map(Some).collect(),
            missing: BTreeMap::new(),
            unknown: 0,
            passed: next.iter().sum(),
        }
    }

    /// Whether a message of every speaker has come. From then on every message must come.
    pub fn is_complete(&self) -> bool {
        self.unknown == 0
    }

    /// How many messages the speakers sent up to the newest one received of each. Messages sent
    /// before the receiver joined are included.
    pub fn passed(&self) -> u64 {
        self.passed
    }

    /// The number of the message of `speaker` that comes next; `None` before its first one.
    ///
    /// # Panics
    ///
    /// There is no such speaker.
    pub fn next(&self, speaker: usize) -> Option<u64> {
        self.next[speaker]
    }

    /// Checks the next message that arrived.
    ///
    /// # Errors
    ///
    /// It is not the next one of its speaker: [`Violation::Gap`] if earlier ones did not come,
    /// [`Violation::Reordered`] if it is one of those, [`Violation::Duplicated`] if it came before.
    ///
    /// # Panics
    ///
    /// There is no such speaker.
    pub fn check(&mut self, stamp: Stamp) -> Result<(), Violation> {
        let Stamp { speaker, sequence: got } = stamp;
        let Some(expected) = self.next[speaker] else {
            self.unknown -= 1;
            self.pass(speaker, got + 1, got + 1);
            return Ok(());
        };
        if got == expected {
            self.pass(speaker, got + 1, 1);
            Ok(())
        } else if got > expected {
            self.pass(speaker, got + 1, got + 1 - expected);
            self.missing.insert((speaker, expected), got);
            Err(Violation::Gap { speaker, expected, got })
        } else if self.fill(speaker, got) {
            Err(Violation::Reordered { speaker, expected, got })
        } else {
            Err(Violation::Duplicated { speaker, expected, got })
        }
    }

    /// Counts the message that comes next, of a speaker whose count is known.
    pub(crate) fn advance(&mut self, speaker: usize) {
        if let Some(next) = self.next[speaker] {
            self.pass(speaker, next + 1, 1);
        }
    }

    fn pass(&mut self, speaker: usize, next: u64, count: u64) {
        self.next[speaker] = Some(next);
        self.passed += count;
    }

    /// Takes a number out of the missing ones; whether it was one.
    fn fill(&mut self, speaker: usize, number: u64) -> bool {
        let range = self.missing.range(..=(speaker, number)).next_back();
        let Some((&(owner, start), &end)) = range else { return false };
        if owner != speaker || number >= end {
            return false;
        }
        self.missing.remove(&(speaker, start));
        for (start, end) in [(start, number), (number + 1, end)] {
            if start < end {
                self.missing.insert((speaker, start), end);
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stamp(speaker: usize, sequence: u64) -> Stamp {
        Stamp { speaker, sequence }
    }

    #[test]
    fn the_first_message_of_a_speaker_sets_its_count_and_the_next_must_follow() {
        let mut checker = StreamChecker::new(2);
        assert_eq!(Ok(()), checker.check(stamp(0, 4)));
        assert_eq!(Ok(()), checker.check(stamp(0, 5)));
        assert!(!checker.is_complete());
        assert_eq!(Ok(()), checker.check(stamp(1, 0)));
        assert!(checker.is_complete());
        assert_eq!(7, checker.passed());
        let gap = Violation::Gap { speaker: 0, expected: 6, got: 8 };
        assert_eq!(Err(gap), checker.check(stamp(0, 8)));
        assert_eq!(10, checker.passed());
    }

    #[test]
    fn every_missing_message_counts_once_as_reordered_and_then_as_duplicated() {
        let mut checker = StreamChecker::starting_at(&[0, 7]);
        let gap = Violation::Gap { speaker: 1, expected: 7, got: 12 };
        assert_eq!(Err(gap), checker.check(stamp(1, 12)));
        for got in [9, 7, 11, 8, 10] {
            let reordered = Violation::Reordered { speaker: 1, expected: 13, got };
            assert_eq!(Err(reordered), checker.check(stamp(1, got)));
            let duplicated = Violation::Duplicated { speaker: 1, expected: 13, got };
            assert_eq!(Err(duplicated), checker.check(stamp(1, got)));
        }
        assert_eq!(Ok(()), checker.check(stamp(1, 13)));
        assert_eq!(Ok(()), checker.check(stamp(0, 0)));
    }

    #[test]
    fn a_message_before_the_first_one_is_a_duplicate() {
        let mut checker = StreamChecker::starting_at(&[3]);
        let duplicated = Violation::Duplicated { speaker: 0, expected: 3, got: 2 };
        assert_eq!(Err(duplicated), checker.check(stamp(0, 2)));
    }

    #[test]
    fn a_gap_of_one_speaker_is_not_filled_by_another() {
        let mut checker = StreamChecker::starting_at(&[0, 2]);
        checker.check(stamp(0, 5)).unwrap_err();
        let duplicated = Violation::Duplicated { speaker: 1, expected: 2, got: 1 };
        assert_eq!(Err(duplicated), checker.check(stamp(1, 1)));
    }

    #[test]
    fn a_huge_number_costs_no_memory() {
        let mut checker = StreamChecker::starting_at(&[0]);
        checker.check(stamp(0, 1 << 47)).unwrap_err();
        assert_eq!(1, checker.missing.len());
    }
}
