//! Member: one client's view of the log: a cursor, and where the view differs from the log.
//!
//! ```text
//!            join                drain               everything delivered, leave
//!  (client) ──────► reading ─────────────► draining ───────────────────────────► gone
//!                      │                      │                                    ▲
//!                      └──────────────────────┴──── abort: at once, no delivery ───┘
//! ```

mod overlay;

use std::ops::Range;

use bytes::Bytes;
use protocol::Name;

use self::overlay::Overlay;
pub(crate) use self::overlay::{Kind, Piece};
use crate::log::Log;
use crate::pacing::Pacing;

/// One member's place in the log, and what is for it alone.
///
/// The member's view is a sequence of pieces: log bytes up to the position of a direct message, that
/// message, log bytes after it, and so on. Its own messages are not part of it. [`piece`](Self::piece)
/// returns the next piece; [`advance`](Self::advance) moves past what was delivered.
#[derive(Debug)]
pub(crate) struct Member<H> {
    pub(crate) name: Name,
    /// How the server reaches this member: a socket, a place in a table, a waker.
    pub(crate) handle: H,
    /// Distinguishes this member from others that had the same place in the room.
    pub(crate) serial: u64,
    /// Everything before it was delivered, or is not for this member. `start ≤ cursor ≤ head` of the log.
    /// It may be after `frozen`: a member joins at the head, and skips its own message at once.
    cursor: u64,
    /// Where the view differs from the log. Most members only listen, and thousands of them must not pay
    /// for it: `None` until the view differs for the first time.
    overlay: Option<Box<Overlay>>,
    /// Whether it is in the room's list of members to be served apart from a round.
    pub(crate) is_listed: bool,
    /// Whether its task was woken and has not asked for its next batch since.
    pub(crate) woken: bool,
    /// Whether the last write to its socket was incomplete, because the socket's buffer was full.
    pub(crate) full: bool,
    /// How it reads.
    pub(crate) pacing: Pacing,
}

impl<H> Member<H> {
    /// A member whose view begins at `cursor`.
    pub(crate) fn new(name: Name, handle: H, serial: u64, cursor: u64) -> Self {
        Self {
            name,
            handle,
            serial,
            cursor,
            overlay: None,
            is_listed: false,
            woken: false,
            full: false,
            pacing: Pacing::default(),
        }
    }

    /// Position up to which it was served.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Bytes of direct messages that wait for this member.
    pub(crate) fn direct_bytes(&self) -> usize {
        self.overlay.as_ref().map_or(0, |overlay| overlay.direct_bytes())
    }

    /// Bytes of them that are answers to its own commands.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.overlay.as_ref().map_or(0, |overlay| overlay.answer_bytes())
    }

    /// Whether it is draining.
    pub(crate) fn is_ending(&self) -> bool {
        self.overlay.as_ref().is_some_and(|overlay| overlay.is_ending())
    }

    /// Ends its view at `head`, unless it ends earlier already (SPEC CLS-06).
    pub(crate) fn end_at(&mut self, head: u64) {
        self.overlay_mut().end_at(head);
    }

    /// Leaves `range`, which was just appended, out of this member's view.
    pub(crate) fn skip(&mut self, range: Range<u64>) {
        if range.start == self.cursor {
            self.cursor = range.end;
            return;
        }
        self.overlay_mut().skip(range);
    }

    /// Queues bytes for this member alone, to be delivered after everything before position `at`.
    pub(crate) fn queue_direct(&mut self, at: u64, bytes: Bytes, kind: Kind) {
        self.overlay_mut().queue_direct(at, bytes, kind);
    }

    /// The next piece of this member's view, if the log ends at `head`.
    pub(crate) fn piece(&self, head: u64) -> Option<Piece> {
        self.piece_from(self.cursor, 0, head).map(|(piece, _, _)| piece)
    }

    /// All pieces of this member's view from its cursor to `head`, in order.
    pub(crate) fn pieces(&self, head: u64) -> impl Iterator<Item = Piece> {
        let mut place = (self.cursor, 0);
        std::iter::from_fn(move || {
            let (piece, cursor, direct) = self.piece_from(place.0, place.1, head)?;
            place = (cursor, direct);
            Some(piece)
        })
    }

    /// The piece at `cursor` after `direct` direct messages, and the place after it.
    fn piece_from(&self, cursor: u64, direct: usize, head: u64) -> Option<(Piece, u64, usize)> {
        match &self.overlay {
            // The usual case: the view is the log.
            None => (cursor < head).then_some((Piece::Log(cursor..head), head, 0)),
            Some(overlay) => overlay.piece_from(cursor, direct, head),
        }
    }

    /// The bytes of the direct message with this index.
    pub(crate) fn direct(&self, index: usize) -> Bytes {
        self.overlay.as_ref().expect(HAS_DIRECT).direct(index)
    }

    /// Moves past `bytes` that the socket took. They may end inside a pair.
    ///
    /// # Panics
    ///
    /// There are fewer bytes to deliver.
    pub(crate) fn advance(&mut self, mut bytes: usize, log: &Log) {
        while bytes > 0 {
            let piece = self.piece(log.head()).expect("a socket takes no more than a batch holds");
            let step = bytes.min(piece.len());
            match piece {
                Piece::Direct(_) => self.overlay.as_mut().expect(HAS_DIRECT).advance_direct(step),
                Piece::Log(_) => self.advance_log(step),
            }
            bytes -= step;
        }
        debug_assert!(log.start() <= self.cursor && self.cursor <= log.head());
    }

    fn advance_log(&mut self, bytes: usize) {
        self.cursor += bytes as u64;
        if let Some(overlay) = &mut self.overlay {
            self.cursor = overlay.after_skipped(self.cursor);
        }
    }

    /// The overlay, made on first use and kept: a member that spoke will speak again.
    fn overlay_mut(&mut self) -> &mut Overlay {
        self.overlay.get_or_insert_default()
    }
}

const HAS_DIRECT: &str = "the piece is a direct message";
