//! Ledger: what one member has heard of each speaker, and so what it has to hear next.

use super::error::Violation;
use super::stream::{self, Stamp};
use crate::wire::{Dialect, Next, PairRef};

/// The speakers' names and the one size of their messages: what every delivery can be checked against.
#[derive(Debug)]
pub(super) struct Roster {
    /// All of one length, so that every delivery has one length.
    pub(super) names: Vec<String>,
    /// Bytes of every message.
    pub(super) size: usize,
    /// What stands around a message.
    pub(super) dialect: Dialect,
}

impl Roster {
    /// Bytes of every delivery.
    pub(super) fn delivery_len(&self) -> usize {
        self.dialect.delivery_len(self.names.first().map_or(0, String::len), self.size)
    }

    /// How many bytes at the start of these are something whole, and no message.
    pub(super) fn skip_others(&self, bytes: &[u8]) -> Result<usize, Violation> {
        let mut rest = bytes;
        while let Some((None, behind)) = self.split(rest)? {
            rest = behind;
        }
        Ok(bytes.len() - rest.len())
    }

    /// The next thing in what a member hears.
    pub(super) fn split<'a>(&self, bytes: &'a [u8]) -> Result<Next<'a>, Violation> {
        self.dialect.split(bytes, self.delivery_len()).map_err(Violation::Frame)
    }

    fn check_sender(&self, heard: &PairRef<'_>, stamp: Stamp) -> Result<(), Violation> {
        let name = self.names.get(stamp.speaker).map(String::as_bytes);
        if name.is_some_and(|name| name == heard.sender || !self.dialect.carries_sender()) {
            return Ok(());
        }
        let sender = heard.sender.escape_ascii().to_string();
        Err(Violation::Sender { speaker: stamp.speaker, sender })
    }
}

/// One member's counters: a message is either the next one of its speaker, or a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ledger {
    /// By speaker: the number of the message that comes next; `None` until the first one is heard.
    next: Vec<Option<u64>>,
    /// Speakers of whom nothing has been heard yet.
    unheard: usize,
    /// The sum of all that is known in `next`.
    heard: u64,
}

impl Ledger {
    pub(super) fn new(speakers: usize) -> Self {
        Self { next: vec![None; speakers], unheard: speakers, heard: 0 }
    }

    /// Whether something of every speaker has been heard: from then on nothing may be missing.
    pub(super) fn is_complete(&self) -> bool {
        self.unheard == 0
    }

    /// How many messages are behind this member, those included that were said before it came.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    /// Number of the message of `speaker` that comes next, if anything of it has been heard.
    pub(super) fn next(&self, speaker: usize) -> Option<u64> {
        self.next[speaker]
    }

    /// Counts message `sequence` of `speaker`.
    pub(super) fn count(&mut self, speaker: usize, sequence: u64) -> Result<(), Violation> {
        match &mut self.next[speaker] {
            Some(expected) if *expected != sequence => {
                return Err(Violation::Sequence { speaker, expected: *expected, got: sequence });
            }
            Some(expected) => {
                *expected += 1;
                self.heard += 1;
            }
            first => {
                *first = Some(sequence + 1);
                self.heard += sequence + 1;
                self.unheard -= 1;
            }
        }
        Ok(())
    }

    /// Counts the message that comes next, whichever it is, of a speaker heard before.
    pub(super) fn advance(&mut self, speaker: usize) {
        if let Some(next) = &mut self.next[speaker] {
            *next += 1;
            self.heard += 1;
        }
    }

    /// Checks and counts every whole message at the start of `bytes` and calls `seen` with its stamp.
    /// Returns how many bytes they took.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        roster: &Roster,
        mut seen: impl FnMut(Stamp),
    ) -> Result<usize, Violation> {
        let (mut rest, whole) = (bytes, roster.delivery_len());
        while let Some((Some(heard), behind)) = roster.split(rest)? {
            let stamp = stream::parse(heard.text)?;
            roster.check_sender(&heard, stamp)?;
            // Offsets are told into messages by this length, so no other may pass.
            if rest.len() - behind.len() != whole {
                return Err(stream::damaged(heard.text));
            }
            self.count(stamp.speaker, stamp.sequence)?;
            seen(stamp);
            rest = behind;
        }
        Ok(bytes.len() - rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_heard_sets_the_count_and_the_next_one_must_follow() {
        let mut ledger = Ledger::new(2);
        assert_eq!(Ok(()), ledger.count(0, 4));
        assert_eq!(Ok(()), ledger.count(0, 5));
        assert!(!ledger.is_complete());
        assert_eq!(Ok(()), ledger.count(1, 0));
        assert!(ledger.is_complete());
        assert_eq!(7, ledger.heard());
        let fault = Violation::Sequence { speaker: 0, expected: 6, got: 8 };
        assert_eq!(Err(fault), ledger.count(0, 8));
    }

    #[test]
    fn a_message_of_another_length_is_damaged_however_whole_it_is() {
        let (dialect, names) = (Dialect::Chat, vec!["ann".to_owned()]);
        let roster = Roster { names, size: 64, dialect };
        for (size, is_right) in [(63, false), (64, true), (65, false)] {
            let mut text = Vec::new();
            stream::append(Stamp { speaker: 0, sequence: 0 }, size, &mut text);
            let pair = protocol::pair(b"ann", &text);
            let taken = Ledger::new(1).take(&pair, &roster, |_| ());
            assert_eq!(is_right, taken == Ok(pair.len()), "{size}: {taken:?}");
        }
    }
}
