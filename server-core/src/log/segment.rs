//! Segment: a frozen part of the log, and the merging of small ones.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

/// Frozen bytes and the position of the first of them.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) start: u64,
    pub(super) bytes: Bytes,
}

impl Segment {
    /// Position after the last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The part of this segment that lies in `from..to`. The two overlap.
    pub(super) fn between(&self, from: u64, to: u64) -> Bytes {
        self.bytes.slice(self.index(from)..self.index(to))
    }

    /// Discards the bytes before `position`.
    pub(super) fn trim(&mut self, position: u64) {
        self.bytes.advance(self.index(position));
        self.start = self.start.max(position);
    }

    /// Appends the bytes of the segment after this one; in place, if this one's are not shared.
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

    /// The index in `bytes` of `position`, or of the nearest position that this segment has.
    fn index(&self, position: u64) -> usize {
        distance(self.start, position.clamp(self.start, self.end()))
    }
}

/// Copies neighbouring small segments into larger ones. A member that lags while little is said at a time
/// holds many of them, and each costs more memory than its bytes.
pub(super) fn merge(segments: &mut VecDeque<Segment>) {
    let mut merged: VecDeque<Segment> = VecDeque::new();
    for segment in segments.drain(..) {
        match merged.back_mut() {
            Some(last) if last.bytes.len() + segment.bytes.len() <= MERGED => last.join(&segment),
            _ => merged.push_back(segment),
        }
    }
    *segments = merged;
}

/// Bytes between two positions that are in memory.
pub(super) fn distance(from: u64, to: u64) -> usize {
    usize::try_from(to - from).expect("what is in memory is counted by a usize")
}

/// Segments are merged up to this many bytes.
const MERGED: usize = 16 * 1024;
