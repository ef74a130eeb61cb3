//! The stage: one session in a room where one other member, `wit`, hears all.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use protocol::{Name, encode_frame, encode_pair};
use server_core::bytes::BytesMut;
use server_core::{CloseReason, MemberId, Room, Said, Session, Settings, Turn, WriteBatch};

pub(crate) struct Stage {
    pub(crate) room: Room<()>,
    pub(crate) session: Session,
    pub(crate) start: Instant,
    pub(crate) now: Instant,
    witness: MemberId,
}

pub(crate) fn settings() -> Settings {
    Settings::default()
}

impl Stage {
    pub(crate) fn new(settings: Settings) -> Self {
        let mut room = Room::of(&settings);
        let name = Name::new(b"wit").expect("the name is good");
        let (start, peer) = (Instant::now(), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let witness = room.join(&name, (), start).expect("the room is open");
        let session = Session::new(Arc::new(settings), peer, start);
        Self { room, session, start, now: start, witness }
    }

    /// The client's bytes come in, and what they say is carried out.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Turn {
        self.session.feed(bytes);
        self.session.process_input(&mut self.room, &(), self.now)
    }

    /// The same where the connection must end; why.
    pub(crate) fn feed_to_the_end(&mut self, bytes: &[u8]) -> CloseReason {
        match self.feed(bytes) {
            Turn::Close(reason) => reason,
            turn => panic!("expected the end, got {turn:?}"),
        }
    }

    /// The client closes; how that is taken.
    pub(crate) fn end(&mut self) -> CloseReason {
        self.session.feed_eof();
        self.feed_to_the_end(b"")
    }

    pub(crate) fn witness_says(&mut self, text: &str) {
        assert_eq!(Said::Appended, self.room.hear(self.witness, text.as_bytes(), self.now));
    }

    pub(crate) fn witness_is_renamed(&mut self, name: &str) {
        let command = format!("/nick {name}");
        let said = self.room.hear(self.witness, command.as_bytes(), self.now);
        assert_eq!(Said::Renamed, said);
    }

    /// The witness, who has to hear itself for this, talks and does not listen until the room pauses.
    pub(crate) fn witness_fills_the_window(&mut self) {
        while self.room.hear(self.witness, b"and another thing", self.now) == Said::Appended {}
    }

    /// What the witness has got since the last time.
    pub(crate) fn heard(&mut self) -> Vec<u8> {
        self.read(self.witness)
    }

    /// What the client has been sent since the last time.
    pub(crate) fn served(&mut self) -> Vec<u8> {
        self.read(self.session.member().expect("it has joined"))
    }

    fn read(&mut self, member: MemberId) -> Vec<u8> {
        let (mut offer, mut got) = (WriteBatch::default(), Vec::new());
        while self.room.next_batch(member, &mut offer, self.now).is_some() {
            got.extend(offer.slices().iter().flatten());
            // Nobody waits but the test, and it looks again.
            let _ = self.room.advance(member, &offer, Ok(offer.bytes()));
        }
        got
    }
}

/// One frame, whatever its payload.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    encode_frame(payload, &mut frame);
    frame.to_vec()
}

/// Frames as a client sends them.
pub(crate) fn frames(payloads: &[&str]) -> Vec<u8> {
    payloads.iter().flat_map(|payload| frame(payload.as_bytes())).collect()
}

/// Pairs as a member gets them.
pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = BytesMut::new();
    for (sender, text) in pairs {
        encode_pair(sender.as_bytes(), text.as_bytes(), &mut out);
    }
    out.to_vec()
}
