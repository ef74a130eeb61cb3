//! Write batch: what one member is sent next, divided into writes.

use std::mem;
use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use bytes::Bytes;

/// Slices of a member's view, in order, divided into writes. [`Room::next_batch`](crate::Room::next_batch)
/// fills it, the server writes it to the member's socket, and [`Room::advance`](crate::Room::advance) records
/// how much of it the socket took.
#[derive(Debug, Default)]
pub struct WriteBatch {
    slices: Vec<Bytes>,
    /// For each write, the index in `slices` after its last slice.
    ends: Vec<usize>,
    /// Whether each write is a group of whole pairs and becomes a segment of its own (SPEC RLY-12).
    in_groups: bool,
    /// The send buffer that the socket gets before the writes, if it changes.
    buffer: Option<SendBuffer>,
    /// When it was filled.
    built_at: Option<Instant>,
}

/// How many bytes the kernel holds for a client beyond what the client's own side holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendBuffer {
    /// Few: it shows early that a client does not read.
    Small,
    /// As many as a client that reads all the time takes between two of its turns.
    Large,
}

impl WriteBatch {
    /// The slices of each write: at least one byte.
    pub fn writes(&self) -> impl Iterator<Item = &[Bytes]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| &self.slices[mem::replace(&mut start, end)..end])
    }

    /// All slices, in order.
    pub fn slices(&self) -> &[Bytes] {
        &self.slices
    }

    /// Bytes in all writes.
    pub fn bytes(&self) -> usize {
        self.slices.iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Discards everything.
    pub fn clear(&mut self) {
        self.slices.clear();
        self.ends.clear();
    }

    pub(crate) fn is_in_groups(&self) -> bool {
        self.in_groups
    }

    pub(crate) fn set_in_groups(&mut self) {
        self.in_groups = true;
    }

    pub(crate) fn buffer(&self) -> Option<SendBuffer> {
        self.buffer
    }

    pub(crate) fn set_buffer(&mut self, buffer: SendBuffer) {
        self.buffer = Some(buffer);
    }

    /// When it was filled; `None` if it never was.
    pub(crate) fn built_at(&self) -> Option<Instant> {
        self.built_at
    }

    /// Empties it, to be filled at `now`.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.clear();
        self.in_groups = false;
        self.buffer = None;
        self.built_at = Some(now);
    }

    /// Makes one write of all these slices, or of as many as the kernel accepts.
    pub(crate) fn fill(&mut self, mut slices: impl Iterator<Item = Bytes>) {
        // One internal loop: asking for one slice after the other takes twice as long.
        let _ = slices.try_for_each(|slice| {
            self.slices.push(slice);
            if self.slices.len() < SLICES_MAX { Continue(()) } else { Break(()) }
        });
        self.end_write();
    }

    /// Adds a slice to the current write, unless it is empty.
    pub(crate) fn push(&mut self, slice: Bytes) {
        if !slice.is_empty() {
            self.slices.push(slice);
        }
    }

    /// Ends the current write, unless it is empty.
    pub(crate) fn end_write(&mut self) {
        if self.ends.last().copied().unwrap_or(0) < self.slices.len() {
            self.ends.push(self.slices.len());
        }
    }
}

/// Slices per write: what the kernel accepts.
const SLICES_MAX: usize = 1024;
