//! Talk: what is said, to all and to one alone. A part of [`Room`].

use std::time::Instant;

use bytes::Bytes;
use protocol::pair;

use super::{MemberId, Room, Said};
use crate::member::Kind;
use crate::names::RESERVED;
use crate::settings::Relay;

impl<H: Clone> Room<H> {
    /// Relays a message, which is UTF-8 and within the limit, according to the relay policy (SPEC RLY-01,
    /// RLY-10, RLY-11).
    pub fn say(&mut self, id: MemberId, text: &[u8], now: Instant) -> Said {
        let Some(member) = self.member(id) else { return Said::Closed };
        if self.closed {
            return Said::Closed;
        }
        if self.relay == Relay::Sender {
            return self.say_to_sender(id, text);
        }
        if !self.takes_more(now) {
            return Said::Paused;
        }
        let member = &mut self.members[member];
        let start = self.log.head();
        let end = self.log.append(member.name.as_bytes(), text);
        if self.relay == Relay::Others {
            member.skip_range(start..end);
        }
        self.counters.said(text.len());
        Said::Appended
    }

    /// The operator's words for everybody, in the reserved sender's name (SPEC EXT-14): UTF-8 within the
    /// limit of a message, under the flow rule like one.
    pub fn announce(&mut self, text: &[u8], now: Instant) -> Said {
        if self.closed {
            return Said::Closed;
        }
        if !self.takes_more(now) {
            return Said::Paused;
        }
        self.append_notice(text);
        Said::Appended
    }

    /// Adds the server's own words to the log, whether it is paused or not.
    pub(super) fn append_notice(&mut self, text: &[u8]) -> u64 {
        self.log.append(RESERVED.as_bytes(), text)
    }

    /// Whether something may be added to the log, by the flow rule.
    pub(super) fn takes_more(&mut self, now: Instant) -> bool {
        self.check_lag_if_due(now);
        !self.flow.is_paused()
    }

    /// A message that only its sender gets back (SPEC RLY-11); bounded by what may wait for one member.
    fn say_to_sender(&mut self, id: MemberId, text: &[u8]) -> Said {
        let member = &self.members[id.place];
        let pair = pair(member.name.as_bytes(), text);
        if member.direct_bytes() > 0 && member.direct_bytes() + pair.len() > self.direct_bytes {
            return Said::Paused;
        }
        self.queue_direct(id.place, pair, Kind::Other);
        self.counters.said(text.len());
        Said::Appended
    }

    /// Tells one member something in the reserved sender's name, behind all that was said so far.
    pub fn tell(&mut self, id: MemberId, text: &str) {
        if let Some(member) = self.member(id) {
            self.queue_direct(member, pair(RESERVED.as_bytes(), text.as_bytes()), Kind::Other);
        }
    }

    /// Queues a pair for one member alone, behind all that was said so far (SPEC ORD-06).
    pub(super) fn queue_direct(&mut self, place: usize, pair: Bytes, kind: Kind) {
        let member = &mut self.members[place];
        member.queue_direct(self.log.head(), pair, kind);
        self.mark_direct(place);
    }

    /// Has the next who asks look after this member alone.
    pub(super) fn mark_direct(&mut self, place: usize) {
        let member = &mut self.members[place];
        if !std::mem::replace(&mut member.has_direct, true) {
            self.with_direct.push_back(MemberId::new(place, member.serial));
        }
    }
}
