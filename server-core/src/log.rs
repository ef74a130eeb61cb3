//! Log: the relayed pairs, each encoded once, in one append-only sequence of bounded length.

mod segment;

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use protocol::{encode_pair, pair_len};

use self::segment::{Segment, merge};

/// Encoded pairs by position. A position counts the bytes since the room began.
///
/// There are two kinds of method: [`append`](Self::append) and [`trim`](Self::trim) move the two ends;
/// [`freeze`](Self::freeze) and [`read`](Self::read) serve what lies between them. All messages that are
/// appended between two freezes become one contiguous slice. A slice is a reference-counted
/// [`Bytes`]: it is written to sockets without the room's lock, and all members share it. The tail is the
/// unused end of a 64 KiB block, and a freeze cuts a segment off its front.
///
/// ```text
///   start                        frozen            head
///     │ segment │ segment │ segment │     tail       │
///     └──────── read gives slices ──┘
/// ```
///
/// Always `start ≤ frozen ≤ head`.
#[derive(Debug)]
pub struct Log {
    /// Frozen bytes, oldest first. Each segment starts where the one before it ends.
    segments: VecDeque<Segment>,
    /// Bytes appended since the last freeze.
    tail: BytesMut,
    /// Position of the tail's first byte, which is the end of the last segment.
    frozen: u64,
    /// Small segments are merged when there are more than this many.
    segments_max: usize,
}

impl Default for Log {
    fn default() -> Self {
        let (segments, tail) = Default::default();
        Self { segments, tail, frozen: 0, segments_max: SEGMENTS_MAX }
    }
}

impl Log {
    /// Position after the last byte.
    pub fn head(&self) -> u64 {
        self.frozen + self.tail.len() as u64
    }

    /// Position of the first byte still held.
    pub fn start(&self) -> u64 {
        self.segments.front().map_or(self.frozen, |segment| segment.start)
    }

    /// Position up to which [`read`](Self::read) gives slices. Later bytes are in the tail.
    pub fn frozen(&self) -> u64 {
        self.frozen
    }

    /// Bytes held: from the start to the head.
    pub fn held(&self) -> u64 {
        self.head() - self.start()
    }

    /// Appends one pair and returns the new head (SPEC RLY-03).
    pub fn append(&mut self, sender: &[u8], text: &[u8]) -> u64 {
        let length = pair_len(sender, text);
        // If the block has no space left, and members still need its slices, another block begins.
        if !self.tail.try_reclaim(length) {
            self.freeze();
            self.tail = BytesMut::with_capacity(BLOCK.max(length));
        }
        encode_pair(sender, text, &mut self.tail);
        self.head()
    }

    /// Makes all appended bytes readable, as one more segment.
    pub fn freeze(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let bytes = self.tail.split().freeze();
        let start = self.frozen;
        self.frozen += bytes.len() as u64;
        self.segments.push_back(Segment { start, bytes });
        if self.segments.len() > self.segments_max {
            merge(&mut self.segments);
            // If that helped little, the next merge waits until there are twice as many.
            self.segments_max = SEGMENTS_MAX.max(2 * self.segments.len());
        }
    }

    /// Freezes the tail if it has at least 1 KiB and half the bytes of the last segment: otherwise slices
    /// would become smaller and smaller.
    pub fn freeze_if_large(&mut self) {
        let last = self.segments.back().map_or(0, |segment| segment.bytes.len());
        if self.tail.len() >= SLICE_MIN.max(last / 2) {
            self.freeze();
        }
    }

    /// The slices of the frozen positions `from..to`, in order.
    ///
    /// # Panics
    ///
    /// `from` is before the start: bytes were trimmed that a member still needed.
    pub fn read(&self, from: u64, to: u64) -> impl Iterator<Item = Bytes> {
        assert!(from >= self.start(), "a cursor never falls behind the log's start");
        let first = match self.segments.back() {
            // The cursor of a member that keeps up is in the last segment.
            Some(last) if last.start <= from => self.segments.len() - 1,
            _ => self.segments.partition_point(|segment| segment.end() <= from),
        };
        self.segments
            .range(first..)
            .take_while(move |segment| segment.start < to)
            .map(move |segment| segment.between(from, to))
    }

    /// Discards the bytes before `position`. Memory is returned in whole blocks.
    pub fn trim(&mut self, position: u64) {
        while self.segments.pop_front_if(|segment| segment.end() <= position).is_some() {}
        if let Some(first) = self.segments.front_mut() {
            first.trim(position);
        } else {
            self.trim_tail(position);
        }
        debug_assert!(self.start() <= self.frozen && self.frozen <= self.head());
    }

    /// Discards the bytes of the tail before `position`. Every cursor is after them: its member joined later or
    /// skipped them as its own message, or the room is empty.
    fn trim_tail(&mut self, position: u64) {
        let end = position.clamp(self.frozen, self.head());
        self.tail.advance(segment::distance(self.frozen, end));
        self.frozen = end;
    }
}

/// Bytes per block of the tail. One block stays in a core's cache while it is written, sent to all members
/// and reused; it is below the size from which the allocator uses `mmap`.
const BLOCK: usize = 64 * 1024;

/// A tail of fewer bytes is not worth a slice of its own.
const SLICE_MIN: usize = 1024;

/// Up to this many segments are not merged: one vectored write takes as many slices.
const SEGMENTS_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &Log, from: u64, to: u64) -> Vec<Bytes> {
        log.read(from, to).collect()
    }

    #[test]
    fn messages_between_two_freezes_are_one_slice() {
        let mut log = Log::default();
        log.append(b"ann", b"one");
        let head = log.append(b"bob", b"two");
        assert_eq!(log.frozen(), 0);
        log.freeze();
        assert_eq!(read(&log, 0, head), ["3         ann3         one3         bob3         two"]);
    }

    #[test]
    fn a_small_tail_is_not_frozen_after_a_large_segment() {
        let mut log = Log::default();
        log.append(b"ann", &[b'x'; 100]);
        log.freeze_if_large();
        assert_eq!(log.frozen(), 0, "not worth a slice");
        let first = log.append(b"ann", &[b'x'; 10_000]);
        log.freeze_if_large();
        assert_eq!(log.frozen(), first);
        log.append(b"bob", &[b'x'; 4000]);
        log.freeze_if_large();
        assert_eq!(log.frozen(), first, "small in comparison with the segment before it");
        let head = log.append(b"bob", &[b'x'; 2000]);
        log.freeze_if_large();
        assert_eq!(log.frozen(), head);
    }

    #[test]
    fn slices_are_cut_to_the_positions_asked_for() {
        let mut log = Log::default();
        let middle = log.append(b"ann", b"one");
        log.freeze();
        let head = log.append(b"bob", b"two");
        log.freeze();
        assert_eq!(read(&log, middle - 3, middle + 1), ["one", "3"]);
        assert_eq!(read(&log, middle, head), ["3         bob3         two"]);
        assert_eq!(read(&log, middle, middle), [""; 0]);
    }

    #[test]
    fn trimming_keeps_the_bytes_after_the_position() {
        let mut log = Log::default();
        let middle = log.append(b"ann", b"one");
        log.freeze();
        let head = log.append(b"bob", b"two");
        log.freeze();
        log.trim(middle - 3);
        assert_eq!(read(&log, middle - 3, middle + 1), ["one", "3"]);
        log.trim(middle);
        assert_eq!((log.start(), log.held()), (middle, head - middle));
    }

    #[test]
    fn trimming_reaches_into_the_tail() {
        let mut log = Log::default();
        let middle = log.append(b"ann", b"one");
        log.append(b"ann", b"two");
        log.trim(middle);
        assert_eq!(log.held(), log.head() - middle);
        log.freeze();
        assert_eq!(read(&log, middle, log.head()), ["3         ann3         two"]);
        log.trim(log.head());
        assert_eq!(log.held(), 0);
    }

    #[test]
    fn many_small_segments_are_merged_and_read_the_same() {
        let mut log = Log::default();
        let mut said = Vec::new();
        for number in 0..5000 {
            let text = number.to_string();
            log.append(b"a", text.as_bytes());
            log.freeze();
            said.extend_from_slice(format!("1         a{:<10}{text}", text.len()).as_bytes());
        }
        assert!(log.segments.len() <= SEGMENTS_MAX, "{} segments", log.segments.len());
        assert_eq!(read(&log, 0, log.head()).concat(), said);
        assert_eq!(read(&log, 777, 99_999).concat(), said[777..99_999]);
    }

    #[test]
    fn a_pair_larger_than_a_block_is_one_slice() {
        let mut log = Log::default();
        log.append(b"ann", b"small");
        let start = log.head();
        let head = log.append(b"ann", &vec![b'x'; 3 * BLOCK]);
        log.freeze();
        assert_eq!(read(&log, start, head).len(), 1);
    }
}
