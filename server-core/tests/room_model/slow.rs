//! The slow model: every pair that a member is owed stands in that member's own queue.

use std::collections::VecDeque;

use protocol::{pair, pair_len};
use server_core::bytes::{Buf, Bytes};
use server_core::{MemberId, RESERVED, Relay, WriteBatch, name_key};

/// A member, and what it is owed.
pub(crate) struct Seat {
    pub(crate) id: MemberId,
    pub(crate) name: String,
    /// What the name looks like: no two are alike.
    pub(crate) key: String,
    /// Bytes that it has had.
    pub(crate) taken: u64,
    owed: VecDeque<Owed>,
    /// Where in the log it was finished: nothing later is for it.
    end: Option<u64>,
    /// Whether its connection has finished it: that happens once, and perhaps after the room has.
    pub(crate) departs: bool,
    pub(crate) full: bool,
    /// Whether the server knows that there may be something for it.
    pub(crate) awake: bool,
    /// What has been pulled for it and not been offered yet.
    pub(crate) pulled: WriteBatch,
}

/// The rest of a pair, and where in the log it stands; nowhere if it is for one member alone.
struct Owed {
    bytes: Bytes,
    at: Option<u64>,
    /// Whether it answers a command.
    answers: bool,
}

impl Seat {
    pub(crate) fn new(id: MemberId, name: String) -> Self {
        Self {
            id,
            key: name_key(&name),
            name,
            taken: 0,
            owed: VecDeque::new(),
            end: None,
            departs: false,
            full: false,
            awake: false,
            pulled: WriteBatch::default(),
        }
    }

    pub(crate) fn rename(&mut self, name: String) {
        self.key = name_key(&name);
        self.name = name;
    }

    pub(crate) fn is_behind(&self) -> bool {
        !self.owed.is_empty()
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.is_finished() && !self.is_behind()
    }

    pub(crate) fn finish(&mut self, head: u64) {
        self.end.get_or_insert(head);
    }

    /// Owes this member a pair of its own.
    pub(crate) fn tell(&mut self, sender: &str, text: &[u8]) {
        let bytes = pair(sender.as_bytes(), text);
        self.owed.push_back(Owed { bytes, at: None, answers: false });
    }

    /// Owes it the answer to a command.
    pub(crate) fn answer(&mut self, text: &str) {
        let bytes = pair(RESERVED.as_bytes(), text.as_bytes());
        self.owed.push_back(Owed { bytes, at: None, answers: true });
    }

    /// Whether it has yet to read the answer to a command.
    pub(crate) fn has_answers(&self) -> bool {
        self.owed.iter().any(|owed| owed.answers)
    }

    /// Whether these bytes are the next it is owed.
    pub(crate) fn is_owed(&self, bytes: impl Iterator<Item = u8>) -> bool {
        let mut owed = self.owed.iter().flat_map(|owed| owed.bytes.iter().copied());
        bytes.into_iter().all(|byte| owed.next() == Some(byte))
    }

    /// Where each of the pairs it is owed ends, counted from its next byte.
    pub(crate) fn ends(&self) -> impl Iterator<Item = usize> {
        self.owed.iter().scan(0, |end, owed| {
            *end += owed.bytes.len();
            Some(*end)
        })
    }

    pub(crate) fn take(&mut self, bytes: usize) {
        self.taken += bytes as u64;
        let mut left = bytes;
        while left > 0 {
            let mut owed = self.owed.pop_front().expect("it has been owed so much");
            let taken = left.min(owed.bytes.len());
            left -= taken;
            owed.bytes.advance(taken);
            owed.at = owed.at.map(|at| at + taken as u64);
            if !owed.bytes.is_empty() {
                self.owed.push_front(owed);
            }
        }
    }

    /// Bytes owed to this member alone.
    pub(crate) fn direct_bytes(&self) -> usize {
        self.owed.iter().filter(|owed| owed.at.is_none()).map(|owed| owed.bytes.len()).sum()
    }

    /// Whether so much waits for it alone that this text cannot be added.
    pub(crate) fn is_full_of_answers(&self, text: &[u8], direct_bytes: usize) -> bool {
        let (waits, more) = (self.direct_bytes(), pair_len(self.name.as_bytes(), text));
        waits > 0 && waits + more > direct_bytes
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
    /// How many messages there have been, private ones included.
    pub(crate) messages: u64,
}

impl Slow {
    pub(crate) fn new(relay: Relay) -> Self {
        Self { relay, seats: Vec::new(), head: 0, messages: 0 }
    }

    /// A message that was said by the member at `speaker`.
    pub(crate) fn say(&mut self, speaker: usize, text: &[u8]) {
        self.messages += 1;
        let name = self.seats[speaker].name.clone();
        match self.relay {
            Relay::Sender => self.seats[speaker].tell(&name, text),
            Relay::Everyone => self.append(None, &name, text),
            Relay::Others => self.append(Some(speaker), &name, text),
        }
    }

    /// A message for the member at `to` alone.
    pub(crate) fn send_private(&mut self, speaker: usize, to: usize, text: &str) {
        self.messages += 1;
        let name = self.seats[speaker].name.clone();
        self.seats[to].tell(&name, text.as_bytes());
    }

    /// Where the member sits that has a name of this key, if somebody has.
    pub(crate) fn holder(&self, key: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.key == key)
    }

    /// What the server tells all, one member perhaps excepted.
    pub(crate) fn notify(&mut self, without: Option<usize>, notice: &str) {
        self.append(without, RESERVED, notice.as_bytes());
    }

    /// The last words of the room.
    pub(crate) fn close(&mut self, notice: &str) {
        self.notify(None, notice);
        let head = self.head;
        self.seats.iter_mut().for_each(|seat| seat.finish(head));
    }

    fn append(&mut self, without: Option<usize>, sender: &str, text: &[u8]) {
        let pair = pair(sender.as_bytes(), text);
        for (place, seat) in self.seats.iter_mut().enumerate() {
            if Some(place) != without && !seat.is_finished() {
                seat.owed.push_back(Owed {
                    bytes: pair.clone(),
                    at: Some(self.head),
                    answers: false,
                });
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
