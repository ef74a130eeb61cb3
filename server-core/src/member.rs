//! Member: one client's view of the log, a cursor and what it does not see.

mod overlay;

use std::mem;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::Name;

use self::overlay::Apart;
pub(crate) use self::overlay::{Kind, Piece};
use crate::log::Log;
use crate::write_batch::{Buffer, Offer};

/// One member's place in the log, and what is meant for it alone.
///
/// The view is one order: log bytes up to an aside's position, the aside, log bytes after it. Own
/// bytes are left out of it. [`piece`](Self::piece) says what comes next; [`pass`](Self::pass) moves on.
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
    apart: Option<Box<Apart>>,
    /// Whether it stands in the room's list of those who have something for themselves alone.
    pub(crate) told: bool,
    /// Whether it has been named as one to be called, and has not pulled since.
    pub(crate) called: bool,
    /// Bytes delivered so far.
    taken: u64,
    /// Whether its socket took less than it was offered the last time.
    pub(crate) full: bool,
    /// How it reads; `None` as long as its socket has never been full.
    stalls: Option<Box<Stalls>>,
    /// What its socket has.
    buffer: Buffer,
}

/// What a full socket tells of how its client reads.
#[derive(Debug, Default)]
struct Stalls {
    /// Bytes left of the pair that the view goes on inside of; 0 between two.
    rest: usize,
    /// What it had taken when it was last seen to be idle.
    taken_idle: u64,
    /// Where the log ended then.
    head_idle: u64,
    /// Since when its socket has been full and has taken nothing.
    full_since: Option<Instant>,
}

/// What a socket made of what it was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It took all of it.
    All,
    /// It is full, and took less.
    Some,
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
            apart: None,
            told: false,
            called: false,
            taken: 0,
            full: false,
            stalls: None,
            buffer: Buffer::Small,
        }
    }

    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Bytes queued for this member alone.
    pub(crate) fn aside_bytes(&self) -> usize {
        self.apart.as_ref().map_or(0, |apart| apart.aside_bytes())
    }

    /// Bytes of answers to its own commands among them.
    pub(crate) fn answer_bytes(&self) -> usize {
        self.apart.as_ref().map_or(0, |apart| apart.answer_bytes())
    }

    /// Whether it is leaving.
    pub(crate) fn is_ending(&self) -> bool {
        self.apart.as_ref().is_some_and(|apart| apart.is_ending())
    }

    /// Nothing beyond `head` is for this member, unless it was to end before (SPEC CLS-06).
    pub(crate) fn end_at(&mut self, head: u64) {
        self.apart_mut().end_at(head);
    }

    /// Bytes that have been delivered to it.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    /// Leaves `range`, just appended, out of this member's view.
    pub(crate) fn leave_out(&mut self, range: Range<u64>) {
        if range.start == self.cursor {
            self.cursor = range.end;
            return;
        }
        self.apart_mut().leave_out(range);
    }

    /// Queues bytes for this member alone, to come after all that is before `at`.
    pub(crate) fn put_aside(&mut self, at: u64, bytes: Bytes, kind: Kind) {
        self.apart_mut().put_aside(at, bytes, kind);
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
        match &self.apart {
            // So it is nearly always, for nearly everybody.
            None => (cursor < head).then_some((Piece::Log(cursor..head), head, 0)),
            Some(apart) => apart.piece_from(cursor, asides, head),
        }
    }

    /// The bytes of the `index`-th aside.
    pub(crate) fn aside(&self, index: usize) -> Bytes {
        self.apart.as_ref().expect(HAS_ASIDES).aside(index)
    }

    /// Moves on by `bytes` that the kernel took, also inside a pair.
    ///
    /// # Panics
    ///
    /// When there is not that much to deliver.
    pub(crate) fn pass(&mut self, mut bytes: usize, log: &Log) {
        self.taken += bytes as u64;
        while bytes > 0 {
            let step = match self.piece(log.head()).expect("no more is delivered than was pulled") {
                Piece::Aside(length) => {
                    let step = bytes.min(length);
                    self.apart.as_mut().expect(HAS_ASIDES).pass_aside(step);
                    step
                }
                Piece::Log(range) => {
                    let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                    self.pass_log(bytes.min(length));
                    bytes.min(length)
                }
            };
            bytes -= step;
        }
    }

    /// Takes note of what its socket made of an offer at `now`, after [`pass`](Self::pass): whether it took all
    /// of it, how much is left of the pair it is in, and where the log ends.
    pub(crate) fn note(&mut self, taken: Taken, rest: usize, head: u64, now: Instant) {
        self.full = taken != Taken::All;
        if self.full {
            self.stalls.get_or_insert_default();
        }
        let Some(stalls) = &mut self.stalls else { return };
        if stalls.is_idle(now) {
            stalls.taken_idle = self.taken;
            stalls.head_idle = head;
        }
        stalls.rest = rest;
        stalls.full_since = match taken {
            Taken::All => None,
            Taken::Some => Some(now),
            Taken::Nothing => stalls.full_since.or(Some(now)),
        };
    }

    /// Bytes left of the pair it is in.
    pub(crate) fn rest(&self) -> usize {
        self.stalls.as_ref().map_or(0, |stalls| stalls.rest)
    }

    /// Whether it has proven to read all the time (SPEC RLY-12).
    pub(crate) fn keeps_up(&self, now: Instant) -> bool {
        let Some(stalls) = &self.stalls else { return self.taken >= PROOF_BYTES as u64 };
        let has_had_what_it_missed = self.cursor >= stalls.head_idle;
        let proves_to_read = self.taken - stalls.taken_idle >= PROOF_BYTES as u64;
        has_had_what_it_missed && proves_to_read && !stalls.is_idle(now)
    }

    /// Has the socket get the buffer that an offer needs, if it has another.
    pub(crate) fn rebuffer(&mut self, offer: &mut Offer) {
        let needed = if offer.is_in_groups() { Buffer::Small } else { Buffer::Large };
        if mem::replace(&mut self.buffer, needed) != needed {
            offer.set_buffer(needed);
        }
    }

    fn pass_log(&mut self, bytes: usize) {
        self.cursor += bytes as u64;
        if let Some(apart) = &mut self.apart {
            self.cursor = apart.behind_own(self.cursor);
        }
    }

    /// Kept once it is there: who has spoken speaks again.
    fn apart_mut(&mut self) -> &mut Apart {
        self.apart.get_or_insert_default()
    }
}

impl Stalls {
    fn is_idle(&self, now: Instant) -> bool {
        self.full_since.is_some_and(|since| now.duration_since(since) >= IDLE)
    }
}

const HAS_ASIDES: &str = "the piece is an aside";

/// Bytes that a member has to take without being idle to be one that keeps up, and to get everything in one write
/// (SPEC RLY-12): more than a connection holds whose client reads nothing, some 200 KB with buffers of the usual size.
pub const PROOF_BYTES: usize = 256 * 1024;

/// A client whose full socket has taken nothing for so long does not read all the time. One that does has the
/// socket full now and then, too, but for some milliseconds.
const IDLE: Duration = Duration::from_millis(250);
