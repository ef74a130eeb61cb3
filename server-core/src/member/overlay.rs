//! Overlay: where a member's view is not the log's: its own words, what is for it alone, and its end.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Buf, Bytes};

/// What one member sees otherwise than the log has it.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// What the member said itself, merged; the first starts behind the cursor.
    skipped: VecDeque<Range<u64>>,
    /// What is for this member alone, oldest first; the first may be partly delivered.
    direct: VecDeque<DirectMessage>,
    /// Bytes in `asides`.
    direct_bytes: usize,
    /// Bytes in those of them that are answers.
    answer_bytes: usize,
    /// Nothing beyond this position is for this member: it is leaving (SPEC CLS-06).
    end: Option<u64>,
}

#[derive(Debug)]
struct DirectMessage {
    at: u64,
    bytes: Bytes,
    kind: Kind,
}

/// What something is that is meant for one member alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The answer to a command of its own: it says nothing more before that is delivered (SPEC EXT-13).
    Answer,
    /// Anything else: a private message, a notice, its own words.
    Other,
}

/// What comes next in a member's view.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// This much of the first aside.
    Direct(usize),
    /// These positions of the log.
    Log(Range<u64>),
}

impl Overlay {
    pub(super) fn direct_bytes(&self) -> usize {
        self.direct_bytes
    }

    pub(super) fn answer_bytes(&self) -> usize {
        self.answer_bytes
    }

    pub(super) fn is_ending(&self) -> bool {
        self.end.is_some()
    }

    pub(super) fn end_at(&mut self, head: u64) {
        self.end.get_or_insert(head);
    }

    pub(super) fn skip_range(&mut self, range: Range<u64>) {
        match self.skipped.back_mut() {
            Some(last) if last.end == range.start => last.end = range.end,
            _ => self.skipped.push_back(range),
        }
    }

    pub(super) fn queue_direct(&mut self, at: u64, bytes: Bytes, kind: Kind) {
        self.direct_bytes += bytes.len();
        self.answer_bytes += if kind == Kind::Answer { bytes.len() } else { 0 };
        self.direct.push_back(DirectMessage { at, bytes, kind });
    }

    /// The piece at `cursor` with `asides` asides passed already, and the place behind it.
    pub(super) fn piece_from(
        &self,
        cursor: u64,
        asides: usize,
        head: u64,
    ) -> Option<(Piece, u64, usize)> {
        let aside = self.direct.get(asides);
        if let Some(aside) = aside.filter(|aside| aside.at <= cursor) {
            return Some((Piece::Direct(aside.bytes.len()), cursor, asides + 1));
        }
        let own = self.skipped.get(self.skipped.partition_point(|own| own.start < cursor));
        let stop = [self.end, aside.map(|aside| aside.at), own.map(|own| own.start)];
        let to = stop.into_iter().flatten().fold(head, u64::min);
        let behind = own.filter(|own| own.start == to).map_or(to, |own| own.end);
        (cursor < to).then_some((Piece::Log(cursor..to), behind, asides))
    }

    /// The bytes of the `index`-th aside.
    pub(super) fn direct(&self, index: usize) -> Bytes {
        self.direct[index].bytes.clone()
    }

    /// Lets go of so many bytes of the first aside, which has as many.
    pub(super) fn advance_direct(&mut self, bytes: usize) {
        let Some(aside) = self.direct.front_mut() else { return };
        aside.bytes.advance(bytes);
        if aside.kind == Kind::Answer {
            self.answer_bytes -= bytes;
        }
        if aside.bytes.is_empty() {
            self.direct.pop_front();
        }
        self.direct_bytes -= bytes;
    }

    /// Where a cursor goes on that has come to `cursor`: behind the member's own words there.
    pub(super) fn after_skipped(&mut self, mut cursor: u64) -> u64 {
        while let Some(own) = self.skipped.pop_front_if(|own| own.start <= cursor) {
            cursor = cursor.max(own.end);
        }
        cursor
    }
}
