//! Reference: the stream that all listeners share, checked once and compared with by the others.
//!
//! A server that keeps one order for all sends every listener the same bytes. The first listener to
//! reach an offset decodes and checks what is there; every other one's bytes are compared with those.
//! So nothing goes unchecked, and a listener costs one comparison instead of a decoding.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use super::error::Violation;
use super::roster::Roster;
use super::stream::{Stamp, StreamChecker};

/// The part of the shared stream that some follower has not reached yet, and the counters at its ends.
#[derive(Debug)]
pub(super) struct Reference {
    /// Offset of the window's first byte in the stream; a pair begins there.
    start: u64,
    /// The stream from `start` on; all but a begun pair at its end is checked.
    window: BytesMut,
    /// Who spoke each whole pair of the window, and which of that speaker's messages it is.
    order: VecDeque<Stamp>,
    /// The counters at `start`.
    behind: StreamChecker,
    /// The counters behind the window's last whole pair.
    ahead: StreamChecker,
    /// Bytes of every pair.
    pair_len: usize,
}

/// How a listener's bytes compare with the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// They are the same, or further than anybody was before and in order.
    Same,
    /// They differ: this listener hears another order, something wrong, or something between messages.
    Differs,
}

impl Reference {
    /// A stream that begins where a listener's counters are `checker`.
    pub(super) fn new(checker: StreamChecker, pair_len: usize) -> Self {
        let (behind, ahead) = (checker.clone(), checker);
        let (window, order) = (BytesMut::new(), VecDeque::new());
        Self { start: 0, window, order, behind, ahead, pair_len }
    }

    /// Offset of the stream's end so far.
    pub(super) fn head(&self) -> u64 {
        self.start + self.window.len() as u64
    }

    /// Whether nothing is begun at its end. What is, when all is said, is the beginning of something that is no
    /// message, and only those who hear it may be there.
    pub(super) fn is_whole(&self) -> bool {
        self.window.len() == self.order.len() * self.pair_len
    }

    /// The counters behind the last whole pair.
    pub(super) fn ahead(&self) -> &StreamChecker {
        &self.ahead
    }

    /// Compares what a listener at `offset` hears, and checks what nobody has heard before.
    /// The listener's new offset is `offset + bytes.len()`, unless it differs.
    pub(super) fn follow(
        &mut self,
        offset: u64,
        bytes: &[u8],
        roster: &Roster,
    ) -> Result<Comparison, Violation> {
        let known = &self.window[self.index(offset)..];
        let common = known.len().min(bytes.len());
        if known[..common] != bytes[..common] {
            return Ok(Comparison::Differs);
        }
        self.extend(&bytes[common..], roster)
    }

    /// How many messages are behind a listener at `offset`.
    pub(super) fn heard_at(&self, offset: u64) -> u64 {
        self.behind.passed() + self.pairs_before(offset) as u64
    }

    /// The messages that a listener completes on its way from one offset to another.
    pub(super) fn between(&self, from: u64, to: u64) -> impl Iterator<Item = Stamp> {
        self.order.range(self.pairs_before(from)..self.pairs_before(to)).copied()
    }

    /// Bytes that are kept.
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    /// The counters of a listener at `offset`, and the begun pair that it holds there.
    pub(super) fn checker_at(&self, offset: u64) -> (StreamChecker, &[u8]) {
        let pairs = self.pairs_before(offset);
        let mut checker = self.behind.clone();
        self.order.iter().take(pairs).for_each(|stamp| checker.advance(stamp.speaker));
        (checker, &self.window[pairs * self.pair_len..self.index(offset)])
    }

    /// Forgets what every follower has passed, the lowest of whom is at `lowest`.
    pub(super) fn trim(&mut self, lowest: u64) {
        let pairs = self.pairs_before(lowest);
        self.order.drain(..pairs).for_each(|stamp| self.behind.advance(stamp.speaker));
        self.window.advance(pairs * self.pair_len);
        self.start += (pairs * self.pair_len) as u64;
    }

    fn extend(&mut self, bytes: &[u8], roster: &Roster) -> Result<Comparison, Violation> {
        if bytes.is_empty() {
            return Ok(Comparison::Same);
        }
        let before = self.window.len();
        self.window.extend_from_slice(bytes);
        let unchecked = &self.window[self.order.len() * self.pair_len..];
        let order = &mut self.order;
        let taken = roster.check(unchecked, &mut self.ahead, |stamp| order.push_back(stamp))?;
        if roster.skip_others(&unchecked[taken..])? == 0 {
            return Ok(Comparison::Same);
        }
        // What is no message is for this listener alone, and so is for now what came behind it.
        self.window.truncate(before.max(self.order.len() * self.pair_len));
        Ok(Comparison::Differs)
    }

    fn pairs_before(&self, offset: u64) -> usize {
        self.index(offset) / self.pair_len
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset - self.start).expect("a window fits in memory")
    }
}

#[cfg(test)]
mod tests {
    use super::super::member::Receiver;
    use super::*;
    use crate::wire::Dialect;

    #[test]
    fn nobody_falls_in_where_something_is_begun_that_is_no_message() {
        let roster = Roster { names: vec!["ann".into()], size: 64, dialect: Dialect::Nats };
        let mut reference = Reference::new(StreamChecker::new(1), roster.delivery_len());
        assert_eq!(Ok(Comparison::Same), reference.follow(0, b"PI", &roster));
        let mut other = Receiver::new(1);
        other.follow_reference(&reference);
        assert!(matches!(other, Receiver::Decoding(_)), "it has not heard that: {other:?}");
        let whole = Reference::new(StreamChecker::new(1), roster.delivery_len());
        other.follow_reference(&whole);
        assert!(matches!(other, Receiver::Following(0)), "{other:?}");
    }
}
