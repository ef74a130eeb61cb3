//! Pacing: how a member reads, and in which writes it is sent its batches (SPEC RLY-12).
//!
//! ```text
//!             has received all that it missed, and 256 KiB
//!   Proving ─────────────────────────────────────────────────► Streaming
//!      │ ▲                                                         │
//!      │ └─ the socket takes bytes ── Stalled ◄────────────────────┤
//!      └────────────────────────────────▲──────────────────────────┘
//!                        the full socket has taken nothing for 250 ms
//! ```
//!
//! A streaming member receives everything in one write. Any other member receives groups of whole pairs, each
//! small enough for one TCP segment. When the reader's receive window fills up, the kernel cuts a large write
//! where the window ends, but it sends a write that fits one segment whole or not at all. A client that
//! takes each read for a whole frame, as many naive clients do, then finds each pair whole, however long it
//! did not read.

use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;
use protocol::{HEADER_LEN, parse_header};

use crate::write_batch::{SendBuffer, WriteBatch};

/// What the writes to a member's socket show about how the client reads.
#[derive(Debug)]
pub(crate) struct Pacing {
    /// Bytes that the socket has taken since the member joined.
    written: u64,
    /// The send buffer that its socket has.
    buffer: SendBuffer,
    /// What its full socket has shown; `None` until it was full for the first time.
    stalls: Option<Box<Stalls>>,
}

#[derive(Debug, Default)]
struct Stalls {
    /// Bytes left of the pair in which the last write ended; 0 if it ended between two pairs.
    pair_remainder: usize,
    /// Bytes that the socket had taken when the member was last seen to be stalled.
    written_at_stall: u64,
    /// The log's head at that time.
    head_at_stall: u64,
    /// Since when the socket has been full without taking a byte.
    full_since: Option<Instant>,
}

/// How a member reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// It has not yet shown that it reads all the time.
    Proving,
    /// It reads all the time.
    Streaming,
    /// Its full socket has taken nothing for [`STALLED_AFTER`].
    Stalled,
}

impl Default for Pacing {
    fn default() -> Self {
        Self { written: 0, buffer: SendBuffer::Small, stalls: None }
    }
}

impl Pacing {
    /// Bytes that the socket has taken.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Whether the member reads all the time, and receives everything in one write.
    pub(crate) fn is_streaming(&self, cursor: u64, now: Instant) -> bool {
        self.reading(cursor, now) == Reading::Streaming
    }

    /// Fills `batch` with `slices` in groups, for a member that is not streaming.
    pub(crate) fn fill_in_groups(
        &self,
        batch: &mut WriteBatch,
        slices: impl Iterator<Item = Bytes>,
    ) {
        fill_in_groups(batch, slices, self.pair_remainder());
    }

    /// Asks for the send buffer that suits the batch, if the socket has another one: a small one shows early that
    /// a client does not read; a large one saves writes to a client that does.
    pub(crate) fn choose_buffer(&mut self, batch: &mut WriteBatch) {
        let needed = if batch.is_in_groups() { SendBuffer::Small } else { SendBuffer::Large };
        if mem::replace(&mut self.buffer, needed) != needed {
            batch.set_buffer(needed);
        }
    }

    /// Bytes that remain of the pair in which a write of `bytes` of these slices ends.
    pub(crate) fn remainder(&self, slices: impl Iterator<Item = Bytes>, bytes: usize) -> usize {
        remainder_after(slices, self.pair_remainder(), bytes)
    }

    /// Records that the socket took `bytes` of a batch that was built at `now`, and whether it is full since.
    /// `remainder` is that of the pair in which the bytes end, `head` the log's.
    #[inline]
    pub(crate) fn record_write(
        &mut self,
        bytes: usize,
        is_full: bool,
        remainder: usize,
        head: u64,
        now: Instant,
    ) {
        self.written += bytes as u64;
        if is_full {
            self.stalls.get_or_insert_default();
        }
        let Some(stalls) = &mut self.stalls else { return };
        if stalls.is_stalled(now) {
            stalls.written_at_stall = self.written;
            stalls.head_at_stall = head;
        }
        stalls.pair_remainder = remainder;
        stalls.full_since = match (is_full, bytes) {
            (false, _) => None,
            (true, 0) => stalls.full_since.or(Some(now)),
            (true, _) => Some(now),
        };
    }

    fn pair_remainder(&self) -> usize {
        self.stalls.as_ref().map_or(0, |stalls| stalls.pair_remainder)
    }

    fn reading(&self, cursor: u64, now: Instant) -> Reading {
        let (written, caught_up) = match &self.stalls {
            Some(stalls) if stalls.is_stalled(now) => return Reading::Stalled,
            Some(stalls) => {
                (self.written - stalls.written_at_stall, cursor >= stalls.head_at_stall)
            }
            None => (self.written, true),
        };
        if caught_up && written >= STREAMING_BYTES as u64 {
            Reading::Streaming
        } else {
            Reading::Proving
        }
    }
}

impl Stalls {
    fn is_stalled(&self, now: Instant) -> bool {
        self.full_since.is_some_and(|since| now.duration_since(since) >= STALLED_AFTER)
    }
}

/// Fills `batch` with groups of whole pairs, about a dozen of them. The slices begin with the `remainder`
/// bytes that are left of a pair; they go first.
fn fill_in_groups(
    batch: &mut WriteBatch,
    slices: impl Iterator<Item = Bytes>,
    mut remainder: usize,
) {
    batch.set_in_groups();
    let (mut bytes, mut group) = (0, 0);
    for mut slice in slices {
        let mut at = 0;
        while at < slice.len() {
            let piece =
                if remainder > 0 { mem::take(&mut remainder) } else { pair_bytes(&slice[at..]) };
            if group > 0 && group + piece > GROUP_BYTES {
                batch.push(slice.split_to(at));
                batch.end_write();
                bytes += group;
                if bytes >= GROUPED_BATCH_BYTES {
                    return;
                }
                (at, group) = (0, 0);
            }
            at += piece;
            group += piece;
        }
        batch.push(slice);
    }
    batch.end_write();
}

/// Bytes that remain of the pair in which the first `taken` bytes of these slices end; 0 if they end between
/// two pairs. The slices begin with the `remainder` bytes that are left of a pair.
fn remainder_after(slices: impl Iterator<Item = Bytes>, remainder: usize, taken: usize) -> usize {
    let (mut end, mut at) = (remainder, remainder);
    for slice in slices {
        while end < taken && at < slice.len() {
            let pair = pair_bytes(&slice[at..]);
            end += pair;
            at += pair;
        }
        if end >= taken {
            break;
        }
        at = 0;
    }
    end - taken
}

/// Bytes of the first pair. A pair never spans two slices, because each was appended in one piece.
fn pair_bytes(bytes: &[u8]) -> usize {
    let sender = frame_bytes(bytes);
    sender + frame_bytes(&bytes[sender..])
}

fn frame_bytes(bytes: &[u8]) -> usize {
    let length = parse_header(&bytes[..HEADER_LEN]).ok().flatten();
    let length = length.and_then(|length| usize::try_from(length).ok());
    HEADER_LEN + length.expect("the log holds whole pairs that were encoded here")
}

/// Bytes that a socket must take, without a stall, before its member is streaming (SPEC RLY-12): more than a
/// connection holds whose client reads nothing, some 200 KB with buffers of the usual size.
pub const STREAMING_BYTES: usize = 256 * 1024;

/// A full socket that takes nothing for so long shows that the client does not read all the time. The socket of a
/// client that does is also full now and then, but only for some milliseconds.
const STALLED_AFTER: Duration = Duration::from_millis(250);

/// Bytes of whole pairs per write: they fit one segment of most networks. A larger pair is a write by itself.
const GROUP_BYTES: usize = 1400;

/// Bytes of groups per batch: a dozen system calls. It keeps rounds over many members short, so that a
/// member is not taken for stalled because its turn came late.
const GROUPED_BATCH_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use protocol::pair;

    use super::*;

    /// Bytes of each write of a batch of these slices in groups.
    fn groups(slices: &[Bytes], rest: usize) -> Vec<usize> {
        let mut batch = WriteBatch::default();
        fill_in_groups(&mut batch, slices.iter().cloned(), rest);
        assert_eq!(batch.bytes(), batch.writes().flatten().map(Bytes::len).sum::<usize>());
        batch.writes().map(|write| write.iter().map(Bytes::len).sum()).collect()
    }

    /// Pairs of so many bytes.
    fn pairs<const N: usize>(bytes: [usize; N]) -> [Bytes; N] {
        bytes.map(|bytes| pair(b"ann", &vec![b'x'; bytes - pair(b"ann", b"").len()]))
    }

    fn joined(pairs: &[Bytes]) -> Bytes {
        pairs.concat().into()
    }

    #[test]
    fn a_group_is_as_many_whole_pairs_as_fit() {
        let pairs = pairs([700, 700, 24, 1376, 1400, 1401, 30, 1371]);
        let expected = vec![1400, 1400, 1400, 1401, 30, 1371];
        assert_eq!(expected, groups(&[joined(&pairs)], 0));
        assert_eq!(expected, groups(&pairs, 0), "each pair in a slice of its own");
    }

    #[test]
    fn the_remainder_of_a_cut_pair_goes_first() {
        let cut = |pairs: &[Bytes]| [joined(pairs).slice(60..)];
        assert_eq!(vec![1400], groups(&cut(&pairs([100, 1360])), 40));
        assert_eq!(vec![40, 1361], groups(&cut(&pairs([100, 1361])), 40));
    }

    #[test]
    fn one_batch_in_groups_is_short() {
        let groups = groups(&[joined(&pairs([100; 1000]))], 0);
        assert_eq!(vec![1400; GROUPED_BATCH_BYTES.div_ceil(1400)], groups);
    }

    #[test]
    fn the_remainder_of_a_pair_is_known_wherever_it_is_cut() {
        let pairs = pairs([30, 50, 40]);
        for (taken, left) in
            (0..=120).zip((1..=30).rev().chain((1..=50).rev()).chain((0..=40).rev()))
        {
            let expected = if [0, 30, 80].contains(&taken) { 0 } else { left };
            for slices in [&pairs[..], &[joined(&pairs)]] {
                assert_eq!(
                    expected,
                    remainder_after(slices.iter().cloned(), 0, taken),
                    "after {taken}"
                );
            }
            let rest = |first, more| {
                remainder_after([joined(&pairs).slice(first..)].into_iter(), 30 - first, more)
            };
            if (10..30).contains(&taken) {
                assert_eq!(expected, rest(10, taken - 10), "after 10 and {}", taken - 10);
            }
        }
    }
}
