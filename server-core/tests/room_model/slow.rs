//! The slow model: every byte that a member is owed stands in that member's own queue.

use std::collections::VecDeque;
use std::ops::Range;

use protocol::encode_pair;
use server_core::bytes::BytesMut;
use server_core::{MemberId, Offer, RESERVED, Relay};

/// A member, and what it is owed.
pub(crate) struct Seat {
    pub(crate) id: MemberId,
    pub(crate) name: String,
    owed: VecDeque<Owed>,
    /// Where in the log it was finished: nothing later is for it.
    end: Option<u64>,
    /// Whether its connection has finished it: that happens once, and perhaps after the room has.
    pub(crate) departs: bool,
    pub(crate) full: bool,
    /// Whether the server knows that there may be something for it.
    pub(crate) awake: bool,
    /// What has been pulled for it and not been offered yet.
    pub(crate) pulled: Offer,
}

/// One byte, and where in the log it stands; nowhere if it is for one member alone.
struct Owed {
    byte: u8,
    at: Option<u64>,
    /// Whether it answers a command.
    answers: bool,
    /// Bytes of its pair that follow it.
    left: usize,
}

impl Seat {
    pub(crate) fn new(id: MemberId, name: String) -> Self {
        let (owed, pulled) = (VecDeque::new(), Offer::default());
        Self { id, name, owed, end: None, departs: false, full: false, awake: false, pulled }
    }

    pub(crate) fn is_behind(&self) -> bool {
        !self.owed.is_empty()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.is_finished() && !self.is_behind()
    }

    pub(crate) fn finish(&mut self, head: u64) {
        self.end.get_or_insert(head);
    }

    /// Owes this member a pair of its own.
    pub(crate) fn tell(&mut self, sender: &str, text: &[u8]) {
        self.owed.extend(owed(&pair(sender, text), For::Anything));
    }

    /// Owes it the answer to a command.
    pub(crate) fn answer(&mut self, text: &str) {
        self.owed.extend(owed(&pair(RESERVED, text.as_bytes()), For::ACommand));
    }

    /// Whether it has yet to read the answer to a command.
    pub(crate) fn has_answers(&self) -> bool {
        self.owed.iter().any(|owed| owed.answers)
    }

    /// Whether these bytes are the next it is owed.
    pub(crate) fn is_owed(&self, bytes: impl Iterator<Item = u8>) -> bool {
        let mut owed = self.owed.iter().map(|owed| owed.byte);
        bytes.into_iter().all(|byte| owed.next() == Some(byte))
    }

    /// How many pairs end in these of the bytes it is owed, and whether the last ends with them.
    pub(crate) fn pairs_in(&self, bytes: Range<usize>) -> (usize, bool) {
        let ends = self.owed.range(bytes).map(|owed| owed.left == 0);
        ends.fold((0, false), |(pairs, _), ends| (pairs + usize::from(ends), ends))
    }

    pub(crate) fn take(&mut self, bytes: usize) {
        self.owed.drain(..bytes);
    }

    /// Bytes owed to this member alone.
    pub(crate) fn aside_bytes(&self) -> usize {
        self.owed.iter().filter(|owed| owed.at.is_none()).count()
    }

    /// How far it is behind `head`, its own bytes in between included.
    fn lag(&self, head: u64) -> u64 {
        let next = self.owed.iter().find_map(|owed| owed.at);
        head.saturating_sub(next.or(self.end).unwrap_or(head))
    }
}

/// The room as queues.
pub(crate) struct Slow {
    relay: Relay,
    pub(crate) seats: Vec<Seat>,
    pub(crate) head: u64,
}

impl Slow {
    pub(crate) fn new(relay: Relay) -> Self {
        Self { relay, seats: Vec::new(), head: 0 }
    }

    /// A message that was said by the member at `speaker`.
    pub(crate) fn say(&mut self, speaker: usize, text: &[u8]) {
        let name = self.seats[speaker].name.clone();
        match self.relay {
            Relay::Sender => self.seats[speaker].tell(&name, text),
            Relay::Everyone => self.append(None, &name, text),
            Relay::Others => self.append(Some(speaker), &name, text),
        }
    }

    /// What the server tells all, one member perhaps excepted.
    pub(crate) fn notify(&mut self, without: Option<usize>, notice: &str) {
        self.append(without, RESERVED, notice.as_bytes());
    }

    /// The last words of the room.
    pub(crate) fn shut(&mut self, notice: &str) {
        self.notify(None, notice);
        let head = self.head;
        self.seats.iter_mut().for_each(|seat| seat.finish(head));
    }

    fn append(&mut self, without: Option<usize>, sender: &str, text: &[u8]) {
        let pair = pair(sender, text);
        for (place, seat) in self.seats.iter_mut().enumerate() {
            if Some(place) != without && !seat.is_finished() {
                let positions = self.head..;
                let owed = owed(&pair, For::Anything).zip(positions);
                seat.owed.extend(owed.map(|(owed, at)| Owed { at: Some(at), ..owed }));
            }
        }
        self.head += pair.len() as u64;
    }

    /// How far the last is behind `head`.
    pub(crate) fn lag_max(&self, head: u64) -> u64 {
        self.seats.iter().map(|seat| seat.lag(head)).max().unwrap_or(0)
    }

    /// Members with full sockets who are more than `lag` behind `head`.
    pub(crate) fn full_beyond(&self, lag: u64, head: u64) -> Vec<MemberId> {
        let late = self.seats.iter().filter(|seat| seat.full && seat.lag(head) > lag);
        late.map(|seat| seat.id).collect()
    }
}

/// What a pair is for.
#[derive(Clone, Copy, PartialEq)]
enum For {
    Anything,
    ACommand,
}

/// The bytes of one pair, each for one member alone.
fn owed(pair: &[u8], what: For) -> impl Iterator<Item = Owed> {
    let answers = what == For::ACommand;
    let left = (0..pair.len()).rev();
    pair.iter().zip(left).map(move |(&byte, left)| Owed { byte, at: None, answers, left })
}

fn pair(sender: &str, text: &[u8]) -> Vec<u8> {
    let mut pair = BytesMut::new();
    encode_pair(sender.as_bytes(), text, &mut pair);
    pair.to_vec()
}
