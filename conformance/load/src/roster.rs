//! Roster: the speakers of a crowd and the one length of their deliveries.

use super::error::Violation;
use super::stream::{self, Stamp, StreamChecker};
use crate::wire::{Dialect, Next, PairRef};

/// What every delivery can be checked against: the speakers' names and the one size of their
/// messages.
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

    /// Checks every whole message at the start of `bytes` and calls `seen` with its stamp. Returns
    /// how many bytes they took.
    pub(super) fn check(
        &self,
        bytes: &[u8],
        checker: &mut StreamChecker,
        mut seen: impl FnMut(Stamp),
    ) -> Result<usize, Violation> {
        let (mut rest, whole) = (bytes, self.delivery_len());
        while let Some((Some(pair), after)) = self.split(rest)? {
            let stamp = stream::parse(pair.text)?;
            self.check_sender(&pair, stamp)?;
            // An offset in the reference stream is turned into messages by this length, so no other
            // may pass.
            if rest.len() - after.len() != whole {
                return Err(stream::altered(pair.text));
            }
            checker.check(stamp)?;
            seen(stamp);
            rest = after;
        }
        Ok(bytes.len() - rest.len())
    }

    /// How many bytes at the start of `bytes` are whole and belong to no message.
    pub(super) fn skip_others(&self, bytes: &[u8]) -> Result<usize, Violation> {
        let mut rest = bytes;
        while let Some((None, after)) = self.split(rest)? {
            rest = after;
        }
        Ok(bytes.len() - rest.len())
    }

    /// The first message, or other thing, in `bytes`, and the bytes after it.
    pub(super) fn split<'a>(&self, bytes: &'a [u8]) -> Result<Next<'a>, Violation> {
        self.dialect.split(bytes, self.delivery_len()).map_err(Violation::Frame)
    }

    fn check_sender(&self, pair: &PairRef<'_>, stamp: Stamp) -> Result<(), Violation> {
        let name = self.names.get(stamp.speaker).map(String::as_bytes);
        if name.is_some_and(|name| name == pair.sender || !self.dialect.carries_sender()) {
            return Ok(());
        }
        Err(Violation::sender(stamp.speaker, pair.sender))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_another_length_is_altered_even_if_it_is_whole() {
        let (dialect, names) = (Dialect::Chat, vec!["ann".to_owned()]);
        let roster = Roster { names, size: 64, dialect };
        for (size, is_right) in [(63, false), (64, true), (65, false)] {
            let mut text = Vec::new();
            stream::append(Stamp { speaker: 0, sequence: 0 }, size, &mut text);
            let pair = protocol::pair(b"ann", &text);
            let checked = roster.check(&pair, &mut StreamChecker::new(1), |_| ());
            assert_eq!(is_right, checked == Ok(pair.len()), "{size}: {checked:?}");
        }
    }
}
