//! The slow model: each member has a queue of its own, with every pair that it is owed.

use std::collections::VecDeque;

use protocol::{pair, pair_len};
use server_core::bytes::{Buf, Bytes};
use server_core::{MemberId, RESERVED, Relay, WriteBatch, name_key};

/// A member, and what it is owed.
pub(crate) struct Seat {
    pub(crate) id: MemberId,
    pub(crate) name: String,
    /// What the name looks like: no two names in a room have the same key.
    pub(crate) key: String,
    /// Bytes that its socket has taken.
    pub(crate) taken: u64,
    owed: VecDeque<Owed>,
    /// The position in the log at which its drain began: it is owed nothing that is later.
    end: Option<u64>,
    /// Whether its connection has begun to drain it: once, and perhaps after the room was closed.
    pub(crate) is_ending: bool,
    pub(crate) full: bool,
    /// Whether the server knows that there may be something for it.
    pub(crate) awake: bool,
    /// A batch that the socket was not given yet.
    pub(crate) batch: WriteBatch,
}

/// The rest of a pair, and its position in the log; `None` for a direct message.
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
            is_ending: false,
            full: false,
            awake: false,
            batch: WriteBatch::default(),
        }
    }

    pub(crate) fn rename(&mut self, name: String) {
        self.key = name_key(&name);
        self.name = name;
    }

    pub(crate) fn is_behind(&self) -> bool {
        !self.owed.is_empty()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.is_draining() && !self.is_behind()
    }

    pub(crate) fn drain(&mut self, head: u64) {
        self.end.get_or_insert(head);
    }

    /// Queues a direct message.
    pub(crate) fn owe(&mut self, sender: &str, text: &[u8]) {
        let bytes = pair(sender.as_bytes(), text);
        self.owed.push_back(Owed { bytes, at: None, answers: false });
    }

    /// Queues the answer to a command.
    pub(crate) fn answer(&mut self, text: &str) {
        let bytes = pair(RESERVED.as_bytes(), text.as_bytes());
        self.owed.push_back(Owed { bytes, at: None, answers: true });
    }

    /// Whether it has not yet read the answer to a command.
    pub(crate) fn has_answers(&self) -> bool {
        self.owed.iter().any(|owed| owed.answers)
    }

    /// Whether these bytes are the next that it is owed.
    pub(crate) fn is_owed(&self, bytes: impl Iterator<Item = u8>) -> bool {
        let mut owed = self.owed.iter().flat_map(|owed| owed.bytes.iter().copied());
        bytes.into_iter().all(|byte| owed.next() == Some(byte))
    }

    /// The end of each pair that it is owed, counted from its next byte.
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
            let mut owed = self.owed.pop_front().expect("it is owed that many bytes");
            let taken = left.min(owed.bytes.len());
            left -= taken;
            owed.bytes.advance(taken);
            owed.at = owed.at.map(|at| at + taken as u64);
            if !owed.bytes.is_empty() {
                self.owed.push_front(owed);
            }
        }
    }

    /// Bytes of direct messages that it is owed.
    pub(crate) fn direct_bytes(&self) -> usize {
        self.owed.iter().filter(|owed| owed.at.is_none()).map(|owed| owed.bytes.len()).sum()
    }

    /// Whether so many direct messages wait for it that this text cannot be added.
    pub(crate) fn has_no_space_for(&self, text: &[u8], direct_bytes: usize) -> bool {
        let (waits, more) = (self.direct_bytes(), pair_len(self.name.as_bytes(), text));
        waits > 0 && waits + more > direct_bytes
    }

    /// Its lag at `head`, its own bytes included.
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
    /// The number of messages, private ones included.
    pub(crate) messages: u64,
}

impl Slow {
    pub(crate) fn new(relay: Relay) -> Self {
        Self { relay, seats: Vec::new(), head: 0, messages: 0 }
    }

    /// A message from the member at `speaker`.
    pub(crate) fn say(&mut self, speaker: usize, text: &[u8]) {
        self.messages += 1;
        let name = self.seats[speaker].name.clone();
        match self.relay {
            Relay::Sender => self.seats[speaker].owe(&name, text),
            Relay::Everyone => self.append(None, &name, text),
            Relay::Others => self.append(Some(speaker), &name, text),
        }
    }

    /// A private message for the member at `to`.
    pub(crate) fn send_private(&mut self, speaker: usize, to: usize, text: &str) {
        self.messages += 1;
        let name = self.seats[speaker].name.clone();
        self.seats[to].owe(&name, text.as_bytes());
    }

    /// The seat of the member whose name has this key, if there is one.
    pub(crate) fn holder(&self, key: &str) -> Option<usize> {
        self.seats.iter().position(|seat| seat.key == key)
    }

    /// A notice for all members, or for all except one.
    pub(crate) fn notify(&mut self, without: Option<usize>, notice: &str) {
        self.append(without, RESERVED, notice.as_bytes());
    }

    /// Closes the room with a last notice.
    pub(crate) fn close(&mut self, notice: &str) {
        self.notify(None, notice);
        let head = self.head;
        self.seats.iter_mut().for_each(|seat| seat.drain(head));
    }

    fn append(&mut self, without: Option<usize>, sender: &str, text: &[u8]) {
        let pair = pair(sender.as_bytes(), text);
        for (place, seat) in self.seats.iter_mut().enumerate() {
            if Some(place) != without && !seat.is_draining() {
                seat.owed.push_back(Owed {
                    bytes: pair.clone(),
                    at: Some(self.head),
                    answers: false,
                });
            }
        }
        self.head += pair.len() as u64;
    }

    /// The largest lag of a member at `head`.
    pub(crate) fn lag_max(&self, head: u64) -> u64 {
        self.seats.iter().map(|seat| seat.lag(head)).max().unwrap_or(0)
    }

    /// Members with full sockets whose lag at `head` is larger than `lag`.
    pub(crate) fn full_beyond(&self, lag: u64, head: u64) -> Vec<MemberId> {
        let late = self.seats.iter().filter(|seat| seat.full && seat.lag(head) > lag);
        late.map(|seat| seat.id).collect()
    }
}
