//! Member: one client's view of the log, a cursor and what it does not see.

mod overlay;

use std::mem;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::Name;

use self::overlay::Overlay;
pub(crate) use self::overlay::{Kind, Piece};
use crate::log::Log;
use crate::write_batch::{SendBuffer, WriteBatch};

/// One member's place in the log, and what is meant for it alone.
///
/// The view is one order: log bytes up to an aside's position, the aside, log bytes after it. Own
/// bytes are left out of it. [`piece`](Self::piece) says what comes next; [`pass`](Self::advance) moves on.
#[derive(Debug)]
pub(crate) struct Member<H> {
    pub(crate) name: Name,
    pub(crate) handle: H,
    /// Distinguishes this member from others that have had the same place in the room.
    pub(crate) serial: u64,
    /// Everything before it has been delivered or is not for this member.
    cursor: u64,
    /// Where its view is not the log's; `None` as long as it never was. Most members only listen, and
    /// thousands of them must not pay for it.
    overlay: Option<Box<Overlay>>,
    /// Whether it stands in the room's list of those who have something for themselves alone.
    pub(crate) has_direct: bool,
    /// Whether it has been named as one to be called, and has not pulled since.
    pub(crate) woken: bool,
    /// Bytes delivered so far.
    written: u64,
    /// Whether its socket took less than it was offered the last time.
    pub(crate) full: bool,
    /// How it reads; `None` as long as its socket has never been full.
    pacing: Option<Box<Pacing>>,
    /// What its socket has.
    buffer: SendBuffer,
}

/// What a full socket tells of how its client reads.
#[derive(Debug, Default)]
struct Pacing {
    /// Bytes left of the pair that the view goes on inside of; 0 between two.
    pair_remainder: usize,
    /// What it had taken when it was last seen to be idle.
    written_at_stall: u64,
    /// Where the log ended then.
    head_at_stall: u64,
    /// Since when its socket has been full and has taken nothing.
    full_since: Option<Instant>,
}

/// What a socket made of what it was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It took all of it.
    All,
    /// It is full, and took less.
    Partly,
    /// It is full, and took nothing.
    Nothing,
}

impl<H> Member<H> {
    pub(crate) fn new(name: Name, handle: H, serial: u64, cursor: u64) -> Self {
        Self {
            name,
            handle,
            serial,
            cursor,
            overlay: None,
            has_direct: false,
            woken: false,
            written: 0,
            full: false,
            pacing: None,
            buffer: SendBuffer::Small,
        }
    }

    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Bytes queued for this member alone.
    pub(crate) fn direct_bytes(&self) -> usize {
        self.overlay.as_ref().map_or(0, |overlay| overlay.direct_bytes())
    }

    /// Bytes of answers to its own commands among them.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.overlay.as_ref().map_or(0, |overlay| overlay.answer_bytes())
    }

    /// Whether it is leaving.
    pub(crate) fn is_ending(&self) -> bool {
        self.overlay.as_ref().is_some_and(|overlay| overlay.is_ending())
    }

    /// Nothing beyond `head` is for this member, unless it was to end before (SPEC CLS-06).
    pub(crate) fn end_at(&mut self, head: u64) {
        self.overlay_mut().end_at(head);
    }

    /// Bytes that have been delivered to it.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Leaves `range`, just appended, out of this member's view.
    pub(crate) fn skip_range(&mut self, range: Range<u64>) {
        if range.start == self.cursor {
            self.cursor = range.end;
            return;
        }
        self.overlay_mut().skip_range(range);
    }

    /// Queues bytes for this member alone, to come after all that is before `at`.
    pub(crate) fn queue_direct(&mut self, at: u64, bytes: Bytes, kind: Kind) {
        self.overlay_mut().queue_direct(at, bytes, kind);
    }

    /// What is next for this member, given where the log ends.
    pub(crate) fn piece(&self, head: u64) -> Option<Piece> {
        self.piece_from(self.cursor, 0, head).map(|(piece, _, _)| piece)
    }

    /// The pieces of this member's view from its cursor to `head`, in order.
    pub(crate) fn pieces(&self, head: u64) -> impl Iterator<Item = Piece> {
        let mut place = (self.cursor, 0);
        std::iter::from_fn(move || {
            let (piece, cursor, asides) = self.piece_from(place.0, place.1, head)?;
            place = (cursor, asides);
            Some(piece)
        })
    }

    /// The piece at `cursor` with `asides` asides passed already, and the place behind it.
    fn piece_from(&self, cursor: u64, asides: usize, head: u64) -> Option<(Piece, u64, usize)> {
        match &self.overlay {
            // So it is nearly always, for nearly everybody.
            None => (cursor < head).then_some((Piece::Log(cursor..head), head, 0)),
            Some(overlay) => overlay.piece_from(cursor, asides, head),
        }
    }

    /// The bytes of the `index`-th aside.
    pub(crate) fn direct(&self, index: usize) -> Bytes {
        self.overlay.as_ref().expect(HAS_DIRECT).direct(index)
    }

    /// Moves on by `bytes` that the kernel took, also inside a pair.
    ///
    /// # Panics
    ///
    /// When there is not that much to deliver.
    pub(crate) fn advance(&mut self, mut bytes: usize, log: &Log) {
        self.written += bytes as u64;
        while bytes > 0 {
            let step = match self.piece(log.head()).expect("no more is delivered than was pulled") {
                Piece::Direct(length) => {
                    let step = bytes.min(length);
                    self.overlay.as_mut().expect(HAS_DIRECT).advance_direct(step);
                    step
                }
                Piece::Log(range) => {
                    let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                    self.advance_log(bytes.min(length));
                    bytes.min(length)
                }
            };
            bytes -= step;
        }
    }

    /// Takes note of what its socket made of an offer at `now`, after [`pass`](Self::advance): whether it took all
    /// of it, how much is left of the pair it is in, and where the log ends.
    pub(crate) fn record_write(&mut self, taken: Written, rest: usize, head: u64, now: Instant) {
        self.full = taken != Written::All;
        if self.full {
            self.pacing.get_or_insert_default();
        }
        let Some(pacing) = &mut self.pacing else { return };
        if pacing.is_stalled(now) {
            pacing.written_at_stall = self.written;
            pacing.head_at_stall = head;
        }
        pacing.pair_remainder = rest;
        pacing.full_since = match taken {
            Written::All => None,
            Written::Partly => Some(now),
            Written::Nothing => pacing.full_since.or(Some(now)),
        };
    }

    /// Bytes left of the pair it is in.
    pub(crate) fn pair_remainder(&self) -> usize {
        self.pacing.as_ref().map_or(0, |pacing| pacing.pair_remainder)
    }

    /// Whether it has proven to read all the time (SPEC RLY-12).
    pub(crate) fn is_streaming(&self, now: Instant) -> bool {
        let Some(pacing) = &self.pacing else { return self.written >= STREAMING_BYTES as u64 };
        let has_had_what_it_missed = self.cursor >= pacing.head_at_stall;
        let proves_to_read = self.written - pacing.written_at_stall >= STREAMING_BYTES as u64;
        has_had_what_it_missed && proves_to_read && !pacing.is_stalled(now)
    }

    /// Has the socket get the buffer that an offer needs, if it has another.
    pub(crate) fn resize_buffer(&mut self, offer: &mut WriteBatch) {
        let needed = if offer.is_in_groups() { SendBuffer::Small } else { SendBuffer::Large };
        if mem::replace(&mut self.buffer, needed) != needed {
            offer.set_buffer(needed);
        }
    }

    fn advance_log(&mut self, bytes: usize) {
        self.cursor += bytes as u64;
        if let Some(overlay) = &mut self.overlay {
            self.cursor = overlay.after_skipped(self.cursor);
        }
    }

    /// Kept once it is there: who has spoken speaks again.
    fn overlay_mut(&mut self) -> &mut Overlay {
        self.overlay.get_or_insert_default()
    }
}

impl Pacing {
    fn is_stalled(&self, now: Instant) -> bool {
        self.full_since.is_some_and(|since| now.duration_since(since) >= STALLED_AFTER)
    }
}

const HAS_DIRECT: &str = "the piece is an aside";

/// Bytes that a member has to take without being idle to be one that keeps up, and to get everything in one write
/// (SPEC RLY-12): more than a connection holds whose client reads nothing, some 200 KB with buffers of the usual size.
pub const STREAMING_BYTES: usize = 256 * 1024;

/// A client whose full socket has taken nothing for so long does not read all the time. One that does has the
/// socket full now and then, too, but for some milliseconds.
const STALLED_AFTER: Duration = Duration::from_millis(250);
