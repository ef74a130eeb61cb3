//! Overlay: where a member's view differs from the log: its own messages, direct messages, its end.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::{Buf, Bytes};

/// The rarely used part of a member. A member that only listens has none.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// Positions of the member's own messages, merged where they touch. All start after the cursor.
    skipped: VecDeque<Range<u64>>,
    /// Messages for this member alone, oldest first. The first may be partly delivered.
    direct: VecDeque<DirectMessage>,
    /// Bytes in `direct`.
    direct_bytes: usize,
    /// Bytes of the answers in `direct`.
    answer_bytes: usize,
    /// The member is draining: nothing after this position is for it (SPEC CLS-06).
    end: Option<u64>,
}

/// A pair for one member.
#[derive(Debug)]
struct DirectMessage {
    /// It is delivered after everything before this position of the log.
    at: u64,
    bytes: Bytes,
    kind: Kind,
}

/// What a direct message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The answer to a command of the member. Until it is delivered, the room accepts nothing more from
    /// this member (SPEC EXT-13).
    Answer,
    /// Anything else: a private message, a notice, the member's own message.
    Other,
}

/// One piece of a member's view.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// So many bytes of the first direct message.
    Direct(usize),
    /// These positions of the log.
    Log(Range<u64>),
}

impl Piece {
    /// Bytes in this piece.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Direct(bytes) => *bytes,
            Self::Log(range) => usize::try_from(range.end - range.start).unwrap_or(usize::MAX),
        }
    }
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

    pub(super) fn skip(&mut self, range: Range<u64>) {
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

    /// The piece at `cursor` after `delivered` direct messages, and the place after it.
    pub(super) fn piece_from(
        &self,
        cursor: u64,
        delivered: usize,
        head: u64,
    ) -> Option<(Piece, u64, usize)> {
        let direct = self.direct.get(delivered);
        if let Some(direct) = direct.filter(|direct| direct.at <= cursor) {
            return Some((Piece::Direct(direct.bytes.len()), cursor, delivered + 1));
        }
        let skipped = self.skipped.get(self.skipped.partition_point(|own| own.start < cursor));
        let stops = [self.end, direct.map(|direct| direct.at), skipped.map(|own| own.start)];
        let to = stops.into_iter().flatten().fold(head, u64::min);
        let after = skipped.filter(|own| own.start == to).map_or(to, |own| own.end);
        (cursor < to).then_some((Piece::Log(cursor..to), after, delivered))
    }

    /// The bytes of the direct message with this index.
    pub(super) fn direct(&self, index: usize) -> Bytes {
        self.direct[index].bytes.clone()
    }

    /// Discards so many bytes of the first direct message, which has at least as many.
    pub(super) fn advance_direct(&mut self, bytes: usize) {
        let Some(direct) = self.direct.front_mut() else { return };
        direct.bytes.advance(bytes);
        if direct.kind == Kind::Answer {
            self.answer_bytes -= bytes;
        }
        if direct.bytes.is_empty() {
            self.direct.pop_front();
        }
        self.direct_bytes -= bytes;
    }

    /// Where a cursor that reached `cursor` goes on: after the member's own messages there.
    pub(super) fn after_skipped(&mut self, mut cursor: u64) -> u64 {
        while let Some(own) = self.skipped.pop_front_if(|own| own.start <= cursor) {
            cursor = cursor.max(own.end);
        }
        cursor
    }
}
