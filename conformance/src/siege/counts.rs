//! Counts: what became of the deliveries to honest clients.

use std::ops::AddAssign;

use load::Violation;

/// Deliveries, by what became of them. The number of lost ones is known only at the end: expected
/// less received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Deliveries that were due.
    pub(super) expected: u64,
    /// Deliveries that came, each counted once.
    pub(super) received: u64,
    /// Deliveries that came again.
    pub(super) duplicated: u64,
    /// Deliveries that came after a later message of the same client.
    pub(super) reordered: u64,
    /// Messages under the name of an honest client that it did not send like this.
    pub(super) altered: u64,
}

impl Counts {
    /// Counts one delivery; returns whether it was the first one of its message.
    pub(super) fn record(&mut self, checked: &Result<(), Violation>) -> bool {
        match checked {
            // The message itself came. Those missing before it are not received yet.
            Ok(()) | Err(Violation::Gap { .. }) => {}
            Err(Violation::Reordered { .. }) => self.reordered += 1,
            Err(Violation::Duplicated { .. }) => {
                self.duplicated += 1;
                return false;
            }
            Err(Violation::Frame(_) | Violation::Altered { .. } | Violation::Sender { .. }) => {
                self.altered += 1;
                return false;
            }
        }
        self.received += 1;
        true
    }

    /// Deliveries that did not come.
    pub(super) fn lost(&self) -> u64 {
        self.expected - self.received
    }

    /// Whether every delivery came, once, in order and unaltered.
    pub(super) fn is_exact(&self) -> bool {
        self.lost() + self.duplicated + self.reordered + self.altered == 0
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.expected += other.expected;
        self.received += other.received;
        self.duplicated += other.duplicated;
        self.reordered += other.reordered;
        self.altered += other.altered;
    }
}

#[cfg(test)]
mod tests {
    use load::{Stamp, StreamChecker};

    use super::*;

    #[test]
    fn a_gap_is_lost_until_it_is_filled_and_then_reordered() {
        let (mut counts, mut checker) = counted(&[0, 7]);
        counts.expected = 4;
        let mut receive = |sequence| counts.record(&checker.check(Stamp { speaker: 1, sequence }));
        assert!(receive(7) && receive(9));
        assert_eq!((2, 0), (counts.lost(), counts.reordered));
        assert!(counts.record(&checker.check(Stamp { speaker: 1, sequence: 8 })));
        assert_eq!((1, 1), (counts.lost(), counts.reordered));
    }

    #[test]
    fn a_message_that_comes_again_is_duplicated() {
        let (mut counts, mut checker) = counted(&[3]);
        let mut receive = |sequence| counts.record(&checker.check(Stamp { speaker: 0, sequence }));
        assert!(receive(3));
        assert!(!receive(3) && !receive(2));
        assert_eq!((1, 2), (counts.received, counts.duplicated));
    }

    fn counted(next: &[u64]) -> (Counts, StreamChecker) {
        (Counts::default(), StreamChecker::starting_at(next))
    }
}
