//! Log: what was said, encoded once, in one window of bounded size.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};
use protocol::{encode_pair, pair_len};

/// Encoded pairs by position: bytes since the room began.
///
/// Two kinds of method: [`append`](Self::append) and [`trim`](Self::trim) move its two ends;
/// [`read`](Self::read) and [`freeze`](Self::freeze) serve those in between. What is appended between
/// two freezes is one contiguous slice, however many messages it was, and a slice is a shared
/// reference: it can be written to a socket with no lock held, and is stored once for everybody.
#[derive(Debug)]
pub struct Log {
    /// Frozen bytes, oldest first; each starts where the one before ends.
    segments: VecDeque<Segment>,
    /// Appended since the last freeze.
    tail: BytesMut,
    /// Position of the tail's first byte; the end of the last segment.
    tail_start: u64,
    /// How many segments are worth merging.
    crowded: usize,
}

impl Default for Log {
    fn default() -> Self {
        let (segments, tail) = Default::default();
        Self { segments, tail, tail_start: 0, crowded: CROWDED }
    }
}

#[derive(Debug)]
struct Segment {
    start: u64,
    bytes: Bytes,
}

impl Log {
    /// Position behind the last byte.
    pub fn head(&self) -> u64 {
        self.tail_start + self.tail.len() as u64
    }

    /// Position of the first byte still held.
    pub fn start(&self) -> u64 {
        self.segments.front().map_or(self.tail_start, |segment| segment.start)
    }

    /// Position up to which [`read`](Self::read) can give slices: the rest is not frozen yet.
    pub fn frozen(&self) -> u64 {
        self.tail_start
    }

    /// Adds one pair and returns the new head (SPEC RLY-03).
    pub fn append(&mut self, sender: &[u8], text: &[u8]) -> u64 {
        let length = pair_len(sender, text);
        if !self.tail.try_reclaim(length) {
            self.freeze();
            self.tail = BytesMut::with_capacity(BLOCK.max(length));
        }
        encode_pair(sender, text, &mut self.tail);
        self.head()
    }

    /// Makes all that was appended readable.
    pub fn freeze(&mut self) {
        if !self.tail.is_empty() {
            let bytes = self.tail.split().freeze();
            let start = self.tail_start;
            self.tail_start += bytes.len() as u64;
            self.segments.push_back(Segment { start, bytes });
            if self.segments.len() > self.crowded {
                self.merge();
            }
        }
    }

    /// The same if that is much, also beside the segment before it: little would only cut the log into more slices.
    pub fn freeze_if_much(&mut self) {
        let last = self.segments.back().map_or(0, |segment| segment.bytes.len());
        if self.tail.len() >= MUCH.max(last / 2) {
            self.freeze();
        }
    }

    /// Copies neighbouring small segments into larger ones, for members that fell behind while little was
    /// said at a time: what a segment costs beyond its bytes must not count.
    fn merge(&mut self) {
        let mut merged: VecDeque<Segment> = VecDeque::new();
        for segment in self.segments.drain(..) {
            match merged.back_mut() {
                Some(last) if last.bytes.len() + segment.bytes.len() <= MERGED => {
                    last.join(&segment);
                }
                _ => merged.push_back(segment),
            }
        }
        self.crowded = CROWDED.max(2 * merged.len());
        self.segments = merged;
    }

    /// The slices of the frozen positions `from..to`, in order.
    ///
    /// # Panics
    ///
    /// When asked for a position that was trimmed: a cursor fell out of the window unnoticed.
    pub fn read(&self, from: u64, to: u64) -> impl Iterator<Item = Bytes> {
        assert!(from >= self.start(), "a cursor never falls behind the log's start");
        let first = match self.segments.back() {
            // Whoever keeps up is in the last one.
            Some(last) if last.start <= from => self.segments.len() - 1,
            _ => self.segments.partition_point(|segment| segment.end() <= from),
        };
        self.segments
            .range(first..)
            .take_while(move |segment| segment.start < to)
            .map(move |segment| segment.between(from, to))
    }

    /// Lets go of all before `position`. Memory is given back by whole blocks.
    pub fn trim(&mut self, position: u64) {
        while self.segments.pop_front_if(|segment| segment.end() <= position).is_some() {}
        if let Some(first) = self.segments.front_mut() {
            first.cut(position);
        } else {
            self.cut_tail(position);
        }
    }

    /// The same within the tail: nobody has asked for what it begins with, because it was said by
    /// everybody who was there.
    fn cut_tail(&mut self, position: u64) {
        let spare = index(position.min(self.head()).saturating_sub(self.tail_start));
        self.tail.advance(spare);
        self.tail_start += spare as u64;
    }

    /// Bytes between the first position held and the head.
    pub fn held(&self) -> u64 {
        self.head() - self.start()
    }
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The part of this segment that lies in `from..to`, which it overlaps.
    fn between(&self, from: u64, to: u64) -> Bytes {
        self.bytes.slice(self.index(from)..self.index(to))
    }

    /// Adds the segment behind this one, in place if nobody else holds this one's bytes.
    fn join(&mut self, next: &Segment) {
        let bytes = std::mem::take(&mut self.bytes);
        let mut joined = bytes.try_into_mut().unwrap_or_else(|shared| {
            let mut copy = BytesMut::with_capacity(MERGED);
            copy.extend_from_slice(&shared);
            copy
        });
        joined.extend_from_slice(&next.bytes);
        self.bytes = joined.freeze();
    }

    /// Lets go of what is before `position`.
    fn cut(&mut self, position: u64) {
        self.bytes.advance(self.index(position));
        self.start = self.start.max(position);
    }

    /// Where `position`, or what of this segment is nearest to it, is in `bytes`.
    fn index(&self, position: u64) -> usize {
        index(position.clamp(self.start, self.end()) - self.start)
    }
}

fn index(distance: u64) -> usize {
    usize::try_from(distance).expect("what is held in memory is counted by a usize")
}

/// The tail grows in blocks of this many bytes. Small enough to stay in a core's cache while the same
/// block is written, read by everybody and reused; below the allocator's threshold for `mmap`.
const BLOCK: usize = 64 * 1024;

/// Bytes that are worth a slice of their own.
const MUCH: usize = 1024;

/// So many segments are not worth merging: what one vectored write takes.
const CROWDED: usize = 1024;

/// Segments are merged up to this many bytes.
const MERGED: usize = 16 * 1024;

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
    fn little_is_not_frozen_behind_much() {
        let mut log = Log::default();
        log.append(b"ann", &[b'x'; 100]);
        log.freeze_if_much();
        assert_eq!(log.frozen(), 0, "not worth a slice");
        let first = log.append(b"ann", &[b'x'; 10_000]);
        log.freeze_if_much();
        assert_eq!(log.frozen(), first);
        log.append(b"bob", &[b'x'; 4000]);
        log.freeze_if_much();
        assert_eq!(log.frozen(), first, "little beside what is before it");
        let head = log.append(b"bob", &[b'x'; 2000]);
        log.freeze_if_much();
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
    fn trimming_keeps_what_is_still_needed() {
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
    fn trimming_reaches_what_is_not_frozen() {
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
        assert!(log.segments.len() <= CROWDED, "{} segments", log.segments.len());
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
