//! WriteBatch: what a member is given next, in the writes it is to leave in.

use std::mem;
use std::ops::ControlFlow::{Break, Continue};
use std::time::Instant;

use bytes::Bytes;
use protocol::{HEADER_LEN, parse_header};

/// Slices of a member's view, each write's behind those of the one before.
///
/// A member that keeps up gets everything in one write. One that has not proven it gets groups of whole
/// pairs: when a reader's window is full, the kernel leaves out what is behind it, and it cuts a large
/// write there, but sends a write that fits one segment whole or not at all (SPEC RLY-12).
#[derive(Debug, Default)]
pub struct WriteBatch {
    slices: Vec<Bytes>,
    /// Where each write ends in `slices`.
    ends: Vec<usize>,
    /// Whether each write is to be a segment of its own.
    in_groups: bool,
    /// Whether the socket gets another buffer first.
    buffer: Option<SendBuffer>,
    /// When it was made.
    made: Option<Instant>,
}

/// How much the kernel holds for a client beyond what the client's own side takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendBuffer {
    /// Little: that a client reads nothing is noticed early.
    Small,
    /// As much as a client that reads all the time fetches between two of its turns.
    Large,
}

impl WriteBatch {
    /// What each write holds, at least one byte.
    pub fn writes(&self) -> impl Iterator<Item = &[Bytes]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| &self.slices[mem::replace(&mut start, end)..end])
    }

    /// All slices, in order.
    pub fn slices(&self) -> &[Bytes] {
        &self.slices
    }

    /// Bytes in all writes together.
    pub fn bytes(&self) -> usize {
        self.slices.iter().map(Bytes::len).sum()
    }

    /// Whether there is nothing to offer.
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Whether each write is a group of whole pairs, to be a segment of its own.
    pub(crate) fn is_in_groups(&self) -> bool {
        self.in_groups
    }

    /// The buffer that the socket is to have from now on, if it is another than so far.
    pub(crate) fn buffer(&self) -> Option<SendBuffer> {
        self.buffer
    }

    /// Has the socket get this buffer before the writes.
    pub(crate) fn set_buffer(&mut self, buffer: SendBuffer) {
        self.buffer = Some(buffer);
    }

    /// Begins an offer, made at `now`.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.clear();
        self.in_groups = false;
        self.buffer = None;
        self.made = Some(now);
    }

    /// When it was made; `None` if it never was.
    pub(crate) fn made(&self) -> Option<Instant> {
        self.made
    }

    /// Lets go of everything.
    pub fn clear(&mut self) {
        self.slices.clear();
        self.ends.clear();
    }

    /// One write of all these slices, or of as many as the kernel accepts.
    pub(crate) fn fill(&mut self, mut slices: impl Iterator<Item = Bytes>) {
        // As one loop: asking for one slice after the other takes twice as long.
        let _ = slices.try_for_each(|slice| {
            self.slices.push(slice);
            if self.slices.len() < SLICES_MAX { Continue(()) } else { Break(()) }
        });
        self.close();
    }

    /// Writes of whole pairs, a dozen of them. The slices begin with what is left, `rest`
    /// bytes, of a pair that was cut; it goes first.
    pub(crate) fn fill_in_groups(&mut self, slices: impl Iterator<Item = Bytes>, mut rest: usize) {
        self.in_groups = true;
        let (mut bytes, mut group) = (0, 0);
        for mut slice in slices {
            let mut at = 0;
            while at < slice.len() {
                let piece = if rest > 0 { mem::take(&mut rest) } else { pair_bytes(&slice[at..]) };
                if group > 0 && group + piece > GROUP_BYTES {
                    self.push(slice.split_to(at));
                    self.close();
                    bytes += group;
                    if bytes >= GROUPED_BATCH_BYTES {
                        return;
                    }
                    (at, group) = (0, 0);
                }
                at += piece;
                group += piece;
            }
            self.push(slice);
        }
        self.close();
    }

    fn push(&mut self, slice: Bytes) {
        if !slice.is_empty() {
            self.slices.push(slice);
        }
    }

    /// Ends a write.
    fn close(&mut self) {
        if self.ends.last().copied().unwrap_or(0) < self.slices.len() {
            self.ends.push(self.slices.len());
        }
    }
}

/// How much is left of the pair in which `taken` bytes of these slices end, which begin with the `rest` of
/// another; 0 if they end between two.
pub(crate) fn remainder_after(
    slices: impl Iterator<Item = Bytes>,
    rest: usize,
    taken: usize,
) -> usize {
    let (mut behind, mut at) = (rest, rest);
    for slice in slices {
        while behind < taken && at < slice.len() {
            let pair = pair_bytes(&slice[at..]);
            behind += pair;
            at += pair;
        }
        if behind >= taken {
            break;
        }
        at = 0;
    }
    behind - taken
}

/// Bytes of the pair that these begin with. No pair is spread over two slices, because each was appended
/// in one piece.
fn pair_bytes(bytes: &[u8]) -> usize {
    let sender = frame_bytes(bytes);
    sender + frame_bytes(&bytes[sender..])
}

fn frame_bytes(bytes: &[u8]) -> usize {
    let length = parse_header(&bytes[..HEADER_LEN]).ok().flatten();
    let length = length.and_then(|length| usize::try_from(length).ok());
    HEADER_LEN + length.expect("the log holds whole pairs that were encoded here")
}

/// Whole pairs of up to this many bytes leave in one write: they fit the segments of most networks. A larger
/// pair goes by itself.
const GROUP_BYTES: usize = 1400;

/// This much in groups is one offer: a dozen system calls. Rounds over many members stay short, so that a member is not
/// taken for idle because its turn came late.
const GROUPED_BATCH_BYTES: usize = 16 * 1024;

/// Most slices of one write: what the kernel accepts.
const SLICES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use protocol::pair;

    use super::*;

    /// Bytes of each write of an offer of these slices in groups.
    fn groups(slices: &[Bytes], rest: usize) -> Vec<usize> {
        let mut offer = WriteBatch::default();
        offer.fill_in_groups(slices.iter().cloned(), rest);
        assert_eq!(offer.bytes(), offer.writes().flatten().map(Bytes::len).sum::<usize>());
        offer.writes().map(|write| write.iter().map(Bytes::len).sum()).collect()
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
    fn what_is_left_of_a_cut_pair_goes_first() {
        let cut = |pairs: &[Bytes]| [joined(pairs).slice(60..)];
        assert_eq!(vec![1400], groups(&cut(&pairs([100, 1360])), 40));
        assert_eq!(vec![40, 1361], groups(&cut(&pairs([100, 1361])), 40));
    }

    #[test]
    fn one_offer_in_groups_is_short() {
        let groups = groups(&[joined(&pairs([100; 1000]))], 0);
        assert_eq!(vec![1400; GROUPED_BATCH_BYTES.div_ceil(1400)], groups);
    }

    #[test]
    fn wherever_it_is_cut_the_rest_of_a_pair_is_known() {
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
