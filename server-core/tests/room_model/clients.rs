//! The clients: connections with a session each. The slow model decodes their bytes a second time.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use protocol::{FrameError, FrameFault, HEADER_LEN, Name, pair, to_utf8};
use server_core::{
    CloseReason, Ending, Foreign, JoinError, MemberId, Next, RESERVED, Said, Session, Wake,
};

use super::Trial;
use crate::stream::{Slow, decode_slowly};

/// An open connection, and what its client has sent.
pub(super) struct Client {
    session: Session,
    member: Option<MemberId>,
    /// Bytes that have arrived and are not processed yet.
    stream: Vec<u8>,
    /// The position of `stream` in all bytes that have arrived.
    position: u64,
    deadline: Option<Instant>,
    ended: bool,
    waits: bool,
    /// The bytes that its member had taken when it last had to wait until its answers are read.
    taken: Option<u64>,
}

/// The result of a client's turn.
#[derive(Debug, PartialEq)]
enum Outcome {
    Read,
    Wait,
    Close(CloseReason),
}

impl Trial {
    pub(super) fn connect(&mut self) {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        self.clients.push(Client {
            session: Session::new(Arc::clone(&self.settings), peer, self.now),
            member: None,
            stream: Vec::new(),
            position: 0,
            deadline: Some(self.now + self.settings.name_timeout),
            ended: false,
            waits: false,
            taken: None,
        });
    }

    /// Bytes arrive. A connection that waits for the room, or has sent EOF, is not read.
    pub(super) fn feed(&mut self, at: usize, bytes: &[u8]) {
        let client = &mut self.clients[at];
        if !client.waits && !client.ended {
            client.session.feed(bytes);
            client.stream.extend_from_slice(bytes);
            self.process_input(at);
        }
    }

    pub(super) fn feed_eof(&mut self, at: usize) {
        let client = &mut self.clients[at];
        if !client.waits && !client.ended {
            client.session.feed_eof();
            client.ended = true;
            self.process_input(at);
        }
    }

    /// The connections that wait for the room look again.
    pub(super) fn wake(&mut self) {
        for at in (0..self.clients.len()).rev() {
            if self.clients[at].waits {
                self.process_input(at);
            }
        }
    }

    /// No connection waits for a room that accepts messages.
    pub(super) fn check_no_client_is_forgotten(&self) {
        for client in self.clients.iter().filter(|client| client.waits) {
            let place = client.member.map(|id| self.place(id));
            let unread = place.is_some_and(|place| self.slow.seats[place].direct_bytes() > 0);
            assert!(unread || self.room.is_paused(), "a session waits, and nothing will wake it");
        }
    }

    /// Ends the connections whose deadlines are over.
    pub(super) fn expire(&mut self) {
        for at in (0..self.clients.len()).rev() {
            let client = &self.clients[at];
            let late = client.deadline.is_some_and(|deadline| deadline <= self.now);
            let reason = match (client.member, client.waits) {
                (None, _) => CloseReason::NameTimeout,
                (Some(_), false) => CloseReason::FrameTimeout,
                (Some(_), true) => CloseReason::TooSlow,
            };
            let expected = late.then_some(reason);
            assert_eq!(expected, client.session.expired(self.now));
            if let Some(reason) = expected {
                self.end_connection(at, reason);
            }
        }
    }

    /// The end of an open connection.
    pub(super) fn end_connection(&mut self, at: usize, mut reason: CloseReason) {
        let client = self.clients.remove(at);
        let session = client.session;
        let wake = session.drain(&mut self.room, &reason);
        let aborts = reason.ending() == Ending::Abort && client.member.is_some();
        assert_eq!(aborts, wake == Wake::Waiters);
        let Some(id) = client.member else {
            let refusal = reason.message().map(|text| pair(RESERVED.as_bytes(), text.as_bytes()));
            assert_eq!(refusal, session.rejection(&reason));
            assert_eq!(Wake::None, session.leave(&mut self.room, &mut reason));
            return assert!(session.is_drained(&self.room));
        };
        let place = self.place(id);
        if aborts {
            self.woken = true;
            return self.leave(place, Some(reason));
        }
        let seat = &mut self.slow.seats[place];
        seat.is_ending = true;
        if let Some(farewell) = reason.message() {
            seat.owe(RESERVED, farewell.as_bytes());
        }
        seat.drain(self.slow.head);
        assert_eq!(seat.is_drained(), session.is_drained(&self.room));
    }

    /// Drops the client of a member that ends. If the room has aborted the member, its session gets the reason with the
    /// next message.
    pub(super) fn drop_client(&mut self, id: MemberId, aborted: Option<&CloseReason>) {
        let at = self.clients.iter().position(|client| client.member == Some(id));
        let Some(at) = at else { return };
        let mut client = self.clients.remove(at);
        // A session that does not wait has no message yet.
        if let Some(reason) = aborted.filter(|_| client.waits) {
            let next = client.session.process_input(&mut self.room, &(), self.now);
            assert_eq!(Outcome::Close(reason.clone()), next.into());
        }
    }

    /// The session processes what has arrived, and the slow model does the same.
    fn process_input(&mut self, at: usize) {
        let next = self.clients[at].session.process_input(&mut self.room, &(), self.now);
        let expected = match self.expect_name(at) {
            Ok(id) => self.expect_messages(at, self.place(id)),
            Err(outcome) => outcome,
        };
        assert_eq!(expected, next.into());
        let client = &mut self.clients[at];
        client.waits = expected == Outcome::Wait;
        match expected {
            Outcome::Close(reason) => self.end_connection(at, reason),
            _ => assert_eq!(client.deadline, client.session.deadline()),
        }
    }

    /// The member that this client is, perhaps since this turn; or the result of the turn without a member.
    fn expect_name(&mut self, at: usize) -> Result<MemberId, Outcome> {
        let client = &self.clients[at];
        if let Some(id) = client.member {
            return Ok(id);
        }
        let slow = client.decode(self.settings.max_name);
        let Some(payload) = slow.payloads.first() else { return Err(client.idle(&slow)) };
        let name = Name::new(payload).map_err(|error| Outcome::Close(error.into()))?;
        let entry = self.expect_entry(&name);
        let client = &mut self.clients[at];
        client.member = client.session.member();
        assert_eq!(entry.is_ok(), client.member.is_some());
        client.deadline = None;
        entry?;
        client.discard(payload.len());
        let id = client.member.expect("it has joined");
        self.seat(id, &name);
        Ok(id)
    }

    /// The result of a member's turn.
    fn expect_messages(&mut self, at: usize, place: usize) -> Outcome {
        let slow = self.clients[at].decode(self.settings.max_message);
        for payload in &slow.payloads {
            // A message that has waited keeps its deadline.
            if !std::mem::take(&mut self.clients[at].waits) {
                self.clients[at].deadline = None;
            }
            let text = to_utf8(payload, self.settings.max_message);
            match self.expect(place, &text) {
                Said::Appended | Said::Renamed => self.clients[at].discard(payload.len()),
                Said::Paused => return self.expect_wait(at, place),
                Said::Closed => return Outcome::Close(CloseReason::Shutdown),
            }
        }
        let frame_deadline = self.now + self.settings.frame_timeout;
        self.clients[at].read_on(&slow, frame_deadline)
    }

    /// A member that waits although the room is not paused has unread answers, and must read some of them in time.
    fn expect_wait(&mut self, at: usize, place: usize) -> Outcome {
        let client = &mut self.clients[at];
        if !self.room.is_paused() {
            let taken = self.slow.seats[place].taken;
            if client.taken.is_none_or(|before| taken > before) {
                client.deadline = Some(self.now + self.settings.patience);
            }
            client.taken = Some(taken);
        }
        Outcome::Wait
    }
}

impl Client {
    pub(super) fn is_unnamed(&self) -> bool {
        self.member.is_none()
    }

    /// The frames in the bytes that are not processed yet.
    fn decode(&self, limit: usize) -> Slow {
        let mut slow = decode_slowly(&self.stream, limit);
        if let Some(error) = &mut slow.error {
            error.at += self.position;
        }
        slow
    }

    /// Discards a frame that was processed.
    fn discard(&mut self, payload_bytes: usize) {
        let frame = HEADER_LEN + payload_bytes;
        self.stream.drain(..frame);
        self.position += frame as u64;
        (self.deadline, self.taken) = (None, None);
    }

    /// No frame is complete: a begun one has a deadline.
    fn read_on(&mut self, slow: &Slow, frame_deadline: Instant) -> Outcome {
        let begun = self.deadline.unwrap_or(frame_deadline);
        self.deadline = slow.mid_frame.then_some(begun);
        self.idle(slow)
    }

    /// Why an unnamed client is refused whose first header is wrong.
    fn expect_refusal(&self, error: FrameError) -> CloseReason {
        let is_too_long = matches!(error.fault, FrameFault::TooLong { .. });
        let foreign = Foreign::recognise(&self.stream).filter(|_| !is_too_long);
        foreign.map_or(CloseReason::BadFrame(error), CloseReason::Foreign)
    }

    /// The result of a turn without a complete frame.
    fn idle(&self, slow: &Slow) -> Outcome {
        let reason = match (slow.error, self.member) {
            (Some(error), None) => self.expect_refusal(error),
            (Some(error), Some(_)) => CloseReason::BadFrame(error),
            _ if !self.ended => return Outcome::Read,
            (None, None) => CloseReason::LeftUnnamed,
            (None, Some(_)) if slow.mid_frame => CloseReason::LeftMidFrame,
            (None, Some(_)) => CloseReason::Left,
        };
        Outcome::Close(reason)
    }
}

impl From<JoinError> for Outcome {
    fn from(error: JoinError) -> Self {
        match error {
            JoinError::Paused => Self::Wait,
            JoinError::Refused(reason) => Self::Close(reason),
        }
    }
}

impl From<Next> for Outcome {
    fn from(next: Next) -> Self {
        match next {
            Next::Read => Self::Read,
            Next::Wait => Self::Wait,
            Next::Close(reason) => Self::Close(reason),
        }
    }
}
