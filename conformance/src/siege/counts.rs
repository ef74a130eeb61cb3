//! Account: what one honest client has heard of the others, and what was wrong with it.

use std::collections::BTreeSet;
use std::ops::AddAssign;

/// Deliveries, by what became of them. What is lost is known only in the end: expected less received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// That should have come.
    pub(super) expected: u64,
    /// That came, each counted once.
    pub(super) received: u64,
    /// That came again.
    pub(super) duplicated: u64,
    /// That came after a later one of the same speaker.
    pub(super) reordered: u64,
    /// That came under an honest name and were never said like this.
    pub(super) altered: u64,
}

impl Counts {
    /// That never came.
    pub(super) fn lost(&self) -> u64 {
        self.expected - self.received
    }

    /// Whether everything came, once, in order and as it was said.
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

/// One honest client's books.
#[derive(Debug)]
pub(super) struct Account {
    /// By speaker: the number of the message that comes next.
    next: Vec<u64>,
    /// Speakers and numbers of messages that should have come before others that did.
    missing: BTreeSet<(usize, u64)>,
    pub(super) counts: Counts,
}

/// Whether a delivery is the first of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    First,
    Again,
    /// Of a message that was never said.
    Invented,
}

impl Account {
    /// Books of somebody to whom `next` comes next of each speaker.
    pub(super) fn new(next: Vec<u64>) -> Self {
        Self { next, missing: BTreeSet::new(), counts: Counts::default() }
    }

    /// Books message `sequence` of a speaker who has said as many as `said`.
    pub(super) fn hear(&mut self, speaker: usize, sequence: u64, said: u64) -> Delivery {
        if sequence >= said {
            self.counts.altered += 1;
            return Delivery::Invented;
        }
        let next = &mut self.next[speaker];
        if sequence >= *next {
            self.missing.extend((*next..sequence).map(|missed| (speaker, missed)));
            *next = sequence + 1;
        } else if self.missing.remove(&(speaker, sequence)) {
            self.counts.reordered += 1;
        } else {
            self.counts.duplicated += 1;
            return Delivery::Again;
        }
        self.counts.received += 1;
        Delivery::First
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_lost_until_it_is_filled_and_then_disorder() {
        let mut account = Account::new(vec![0, 7]);
        account.counts.expected = 4;
        assert_eq!(Delivery::First, account.hear(1, 7, 10));
        assert_eq!(Delivery::First, account.hear(1, 9, 10));
        assert_eq!((2, 0), (account.counts.lost(), account.counts.reordered));
        assert_eq!(Delivery::First, account.hear(1, 8, 10));
        assert_eq!((1, 1), (account.counts.lost(), account.counts.reordered));
    }

    #[test]
    fn what_comes_again_is_doubled_and_what_was_never_said_is_damage() {
        let mut account = Account::new(vec![3]);
        account.hear(0, 3, 4);
        assert_eq!(Delivery::Again, account.hear(0, 3, 4));
        assert_eq!(Delivery::Again, account.hear(0, 2, 4));
        assert_eq!(Delivery::Invented, account.hear(0, 4, 4));
        let Counts { received, duplicated, altered, .. } = account.counts;
        assert_eq!((1, 2, 1), (received, duplicated, altered));
    }
}
