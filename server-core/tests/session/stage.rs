//! The stage: one session in a room with one other member, `wit`, the witness.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use protocol::{Name, encode_frame, encode_pair};
use server_core::bytes::BytesMut;
use server_core::{CloseReason, MemberId, Next, Room, Said, Session, Settings, WriteBatch};

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
        let name = Name::new(b"wit").expect("the name is valid");
        let (start, peer) = (Instant::now(), SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let witness = room.join(&name, (), start).expect("the room is open");
        let session = Session::new(Arc::new(settings), peer, start);
        Self { room, session, start, now: start, witness }
    }

    /// Feeds bytes of the client to the session, and processes them.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Next {
        self.session.feed(bytes);
        self.session.process_input(&mut self.room, &(), self.now)
    }

    /// The same, where the connection must end. Returns the reason.
    pub(crate) fn feed_until_close(&mut self, bytes: &[u8]) -> CloseReason {
        match self.feed(bytes) {
            Next::Close(reason) => reason,
            turn => panic!("expected the end, got {turn:?}"),
        }
    }

    /// The client sends EOF. Returns the reason for which the connection ends.
    pub(crate) fn feed_eof(&mut self) -> CloseReason {
        self.session.feed_eof();
        self.feed_until_close(b"")
    }

    pub(crate) fn witness_sends(&mut self, text: &str) {
        assert_eq!(Said::Appended, self.room.hear(self.witness, text.as_bytes(), self.now));
    }

    pub(crate) fn witness_is_renamed(&mut self, name: &str) {
        let command = format!("/nick {name}");
        let said = self.room.hear(self.witness, command.as_bytes(), self.now);
        assert_eq!(Said::Renamed, said);
    }

    /// The witness sends without reading until the room pauses. It has to receive its own messages for that.
    pub(crate) fn witness_fills_the_window(&mut self) {
        while self.room.hear(self.witness, b"and another thing", self.now) == Said::Appended {}
    }

    /// What the witness received since the last call.
    pub(crate) fn witness_received(&mut self) -> Vec<u8> {
        self.read(self.witness)
    }

    /// What the client received since the last call.
    pub(crate) fn received(&mut self) -> Vec<u8> {
        self.read(self.session.member().expect("it has joined"))
    }

    fn read(&mut self, member: MemberId) -> Vec<u8> {
        let (mut batch, mut bytes) = (WriteBatch::default(), Vec::new());
        while self.room.next_batch(member, &mut batch, self.now).is_some() {
            bytes.extend(batch.slices().iter().flatten());
            // Only the test waits, and it looks again.
            let _ = self.room.advance(member, &batch, Ok(batch.bytes()));
        }
        bytes
    }
}

/// One frame with this payload.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    encode_frame(payload, &mut frame);
    frame.to_vec()
}

/// The frames that a client sends.
pub(crate) fn frames(payloads: &[&str]) -> Vec<u8> {
    payloads.iter().flat_map(|payload| frame(payload.as_bytes())).collect()
}

/// The pairs that a member receives.
pub(crate) fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let mut out = BytesMut::new();
    for (sender, text) in pairs {
        encode_pair(sender.as_bytes(), text.as_bytes(), &mut out);
    }
    out.to_vec()
}
