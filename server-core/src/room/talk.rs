//! Talk: how a message enters the room. Read this part of [`Room`] first.
//!
//! For each frame after the name, `Session::process_input` calls [`hear`](Room::hear). If that returns
//! [`Said::Paused`], the session keeps the frame, and its connection is not read until the room accepts it.

use std::time::Instant;

use bytes::Bytes;
use protocol::pair;

use super::{MemberId, Room, Said};
use crate::member::Kind;
use crate::names::RESERVED;
use crate::settings::Relay;

impl<H: Clone> Room<H> {
    /// Handles a message, which is UTF-8 and within the limit: it is relayed or, if it is a command and the
    /// room has extensions, carried out. While answers to a member's commands wait to be delivered, the
    /// room accepts nothing more from that member (SPEC EXT-13).
    pub fn hear(&mut self, id: MemberId, text: &[u8], now: Instant) -> Said {
        let Some(place) = self.member(id).filter(|_| !self.closed) else { return Said::Closed };
        if self.extensions.is_none() {
            return self.say(id, text, now);
        }
        if self.members[place].answer_bytes() > 0 {
            return Said::Paused;
        }
        let command = text.strip_prefix(b"/").and_then(|_| str::from_utf8(text).ok());
        match command {
            Some(command) => self.run_command(id, command, now),
            None => self.say(id, text, now),
        }
    }

    /// Relays a message, which is UTF-8 and within the limit, to the members that the relay policy names: to
    /// all but its sender (the default), to all, or to its sender alone (SPEC RLY-01, RLY-10, RLY-11). The
    /// pair is appended to the log, and its sender skips it.
    pub fn say(&mut self, id: MemberId, text: &[u8], now: Instant) -> Said {
        let Some(place) = self.member(id).filter(|_| !self.closed) else { return Said::Closed };
        if self.relay == Relay::Sender {
            return self.say_to_sender(place, text);
        }
        if !self.accepts_more(now) {
            return Said::Paused;
        }
        let sender = &mut self.members[place];
        let start = self.log.head();
        let end = self.log.append(sender.name.as_bytes(), text);
        if self.relay == Relay::Others {
            sender.skip(start..end);
        }
        self.counters.said(text.len());
        Said::Appended
    }

    /// Returns a message to its sender only (SPEC RLY-11), if not too much waits for that member already.
    fn say_to_sender(&mut self, place: usize, text: &[u8]) -> Said {
        let member = &self.members[place];
        let pair = pair(member.name.as_bytes(), text);
        if member.direct_bytes() > 0 && member.direct_bytes() + pair.len() > self.direct_bytes_max {
            return Said::Paused;
        }
        self.queue_direct(place, pair, Kind::Other);
        self.counters.said(text.len());
        Said::Appended
    }

    /// Sends the operator's text to all members in the reserved sender's name (SPEC EXT-14). It is UTF-8,
    /// within the limit of a message, and not accepted during a pause.
    pub fn announce(&mut self, text: &[u8], now: Instant) -> Said {
        if self.closed {
            return Said::Closed;
        }
        if !self.accepts_more(now) {
            return Said::Paused;
        }
        self.append_notice(text);
        Said::Appended
    }

    /// Appends a notice to the log, also during a pause, and returns the new head.
    pub(super) fn append_notice(&mut self, text: &[u8]) -> u64 {
        self.log.append(RESERVED.as_bytes(), text)
    }

    /// Whether a message may be appended now: not during a pause (SPEC BPR-07).
    pub(super) fn accepts_more(&mut self, now: Instant) -> bool {
        self.check_lag_if_due(now);
        !self.flow.is_paused()
    }

    /// Sends one member a notice in the reserved sender's name, after all that was said so far.
    pub fn notify(&mut self, id: MemberId, text: &str) {
        if let Some(place) = self.member(id) {
            self.queue_direct(place, pair(RESERVED.as_bytes(), text.as_bytes()), Kind::Other);
        }
    }

    /// Queues a pair for one member alone, after all that was said so far (SPEC ORD-06).
    pub(super) fn queue_direct(&mut self, place: usize, pair: Bytes, kind: Kind) {
        let member = &mut self.members[place];
        member.queue_direct(self.log.head(), pair, kind);
        self.mark_to_serve(place);
    }

    /// Puts a member into the list of those to be served apart from a round, unless it is in it.
    pub(super) fn mark_to_serve(&mut self, place: usize) {
        let member = &mut self.members[place];
        if !std::mem::replace(&mut member.is_listed, true) {
            self.to_serve.push_back(MemberId::new(place, member.serial));
        }
    }
}
