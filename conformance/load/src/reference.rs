//! Reference: the stream that all listeners share. One listener checks it, the others are compared
//! with it.
//!
//! A server that keeps one order for all members sends every listener the same bytes. The first
//! listener that reaches an offset decodes and checks the bytes there. The bytes of every other
//! listener are compared with those. So everything is checked, and a listener costs one comparison
//! of bytes instead of a decoding.

use std::collections::VecDeque;

use bytes::{Buf, BytesMut};

use super::error::Violation;
use super::roster::Roster;
use super::stream::{Stamp, StreamChecker};

/// The part of the shared stream that some follower has not reached yet, and the checkers at its
/// two ends.
#[derive(Debug)]
pub(super) struct Reference {
    /// Offset of the window's first byte in the stream. A pair begins there.
    start: u64,
    /// The stream from `start` on. All of it is checked, except an incomplete pair at its end.
    window: BytesMut,
    /// The stamp of each whole pair of the window.
    order: VecDeque<Stamp>,
    /// The checker at `start`.
    checker_at_start: StreamChecker,
    /// The checker after the window's last whole pair.
    checker_at_head: StreamChecker,
    /// Bytes of every pair.
    pair_len: usize,
}

/// How a listener's bytes compare with the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// They are the same, or they continue it correctly.
    Same,
    /// They differ: this listener receives another order, something wrong, or something between
    /// messages.
    Differs,
}

impl Reference {
    /// A stream that begins where a listener's checker is `checker`.
    pub(super) fn new(checker: StreamChecker, pair_len: usize) -> Self {
        let (checker_at_start, checker_at_head) = (checker.clone(), checker);
        let (window, order) = (BytesMut::new(), VecDeque::new());
        Self { start: 0, window, order, checker_at_start, checker_at_head, pair_len }
    }

    /// Offset of the stream's end so far.
    pub(super) fn head(&self) -> u64 {
        self.start + self.window.len() as u64
    }

    /// Whether it ends with a whole pair. Once everything sent has been received, an incomplete end
    /// belongs to something that is no message, and only the listeners that receive it may be
    /// there.
    pub(super) fn is_whole(&self) -> bool {
        self.window.len() == self.order.len() * self.pair_len
    }

    /// The checker after the last whole pair.
    pub(super) fn checker_at_head(&self) -> &StreamChecker {
        &self.checker_at_head
    }

    /// Compares what a listener at `offset` receives, and checks what no listener has received
    /// before. The listener's new offset is `offset + bytes.len()`, unless it differs.
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

    /// How many messages a listener at `offset` has received, those before it joined included.
    pub(super) fn passed_at(&self, offset: u64) -> u64 {
        self.checker_at_start.passed() + self.pairs_before(offset) as u64
    }

    /// The messages that a listener completes on its way from one offset to another.
    pub(super) fn between(&self, from: u64, to: u64) -> impl Iterator<Item = Stamp> {
        self.order.range(self.pairs_before(from)..self.pairs_before(to)).copied()
    }

    /// Bytes in the window.
    pub(super) fn len(&self) -> usize {
        self.window.len()
    }

    /// The checker of a listener at `offset`, and the incomplete pair that it holds there.
    pub(super) fn checker_at(&self, offset: u64) -> (StreamChecker, &[u8]) {
        let pairs = self.pairs_before(offset);
        let mut checker = self.checker_at_start.clone();
        self.order.iter().take(pairs).for_each(|stamp| checker.advance(stamp.speaker));
        (checker, &self.window[pairs * self.pair_len..self.index(offset)])
    }

    /// Discards the pairs before `lowest`, the lowest offset of a follower.
    pub(super) fn trim(&mut self, lowest: u64) {
        let pairs = self.pairs_before(lowest);
        let checker = &mut self.checker_at_start;
        self.order.drain(..pairs).for_each(|stamp| checker.advance(stamp.speaker));
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
        let seen = |stamp| order.push_back(stamp);
        let taken = roster.check(unchecked, &mut self.checker_at_head, seen)?;
        if roster.skip_others(&unchecked[taken..])? == 0 {
            return Ok(Comparison::Same);
        }
        // Something that is no message concerns this listener alone. What came after it is not in
        // the reference yet.
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
    fn no_listener_follows_a_reference_that_ends_inside_something_that_is_no_message() {
        let roster = Roster { names: vec!["ann".into()], size: 64, dialect: Dialect::Nats };
        let mut reference = Reference::new(StreamChecker::new(1), roster.delivery_len());
        assert_eq!(Ok(Comparison::Same), reference.follow(0, b"PI", &roster));
        let mut other = Receiver::new(1);
        other.follow_reference(&reference);
        assert!(matches!(other, Receiver::Decoding(_)), "it has not received that: {other:?}");
        let whole = Reference::new(StreamChecker::new(1), roster.delivery_len());
        other.follow_reference(&whole);
        assert!(matches!(other, Receiver::Following(0)), "{other:?}");
    }
}
