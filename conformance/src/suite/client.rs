//! The harness client: sends exactly what it is told, and knows exactly what came back.

mod expect;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;
use protocol::{Decoder, Pair, encode_frame};

pub use self::expect::{Next, Text};
use super::error::TestError;
use super::pairs::{Malformed, PairReader};
use super::transcript::{Event, Transcript};
use crate::support::token::Tokens;
use crate::target::{Evidence, Received, Wire};

/// One client under the harness's control.
///
/// Methods of three kinds: acting ([`say`](Self::say), [`write`](Self::write),
/// [`half_close`](Self::half_close), [`reset`](Self::reset)), which never wait for an answer; expecting
/// ([`expect`](Self::expect), [`expect_end`](Self::expect_end)), which wait for one thing within a
/// bound; and looking ([Self::read_once](Self::read_once) and what tells what it found). Whatever arrives is kept
/// in order until it is expected. The harness's own tokens are left out.
pub struct Client {
    label: String,
    wire: Box<dyn Wire>,
    transcript: Transcript,
    tokens: Tokens,
    incoming: PairReader,
    /// Whole pairs that have arrived and were not asked for yet.
    waiting: VecDeque<Pair>,
    /// What is wrong with the stream behind `waiting`, if anything.
    malformed: Option<Malformed>,
    end: Option<End>,
    /// What the server should have understood of our bytes.
    outgoing: Decoder,
    /// The first frame we sent, which is the name.
    name: Option<Vec<u8>>,
    sending: Sending,
}

/// How a stream from the server ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order.
    Eof,
    /// By a reset.
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Open,
    Ended,
    /// By a header that no server may accept.
    Malformed,
}

impl Client {
    /// A client at the beginning of its connection.
    pub fn new(label: &str, wire: Box<dyn Wire>, transcript: &Transcript, tokens: &Tokens) -> Self {
        transcript.record(label, Event::Connected);
        Self {
            label: label.into(),
            wire,
            transcript: transcript.clone(),
            tokens: tokens.clone(),
            incoming: PairReader::default(),
            waiting: VecDeque::new(),
            malformed: None,
            end: None,
            outgoing: Decoder::new(usize::MAX),
            name: None,
            sending: Sending::Open,
        }
    }

    /// What it is called in the test.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The name it sent, once it has sent one.
    pub fn name(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    /// Whether a frame can be sent that the server has to understand.
    pub fn can_send(&self) -> bool {
        self.sending == Sending::Open && self.end.is_none() && !self.outgoing.is_mid_frame()
    }

    /// Whether the server has to relay to it what others say.
    pub fn can_receive(&self) -> bool {
        self.name.is_some() && self.sending == Sending::Open && self.end.is_none()
    }

    /// Whether it is connected and has not begun to say anything wrong, nor its whole name.
    pub fn is_unnamed(&self) -> bool {
        self.name.is_none() && self.sending == Sending::Open && self.end.is_none()
    }

    /// Sends one frame in one write.
    ///
    /// # Errors
    ///
    /// The server has ended the connection.
    pub fn say(&mut self, payload: &[u8]) -> Result<(), TestError> {
        let mut frame = BytesMut::new();
        encode_frame(payload, &mut frame);
        self.write(&frame)
    }

    /// Sends these bytes in one write.
    ///
    /// # Errors
    ///
    /// The server has ended the connection.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), TestError> {
        self.transcript.record(&self.label, Event::Sent(bytes.into()));
        self.wire.send(bytes).map_err(|error| {
            TestError::broken(format!(
                "the server does not take what {} sends: {error}",
                self.label
            ))
        })?;
        self.follow(bytes);
        Ok(())
    }

    /// Sends as many of these bytes as the kernel takes at once, and returns how many; none of them while
    /// the server does not read.
    ///
    /// # Errors
    ///
    /// The server has ended the connection.
    pub fn try_send(&mut self, bytes: &[u8]) -> Result<usize, TestError> {
        let taken = self.wire.try_send(bytes).map_err(|error| {
            TestError::broken(format!(
                "the server does not take what {} sends: {error}",
                self.label
            ))
        })?;
        if taken > 0 {
            self.transcript.record(&self.label, Event::Sent(bytes[..taken].into()));
            self.follow(&bytes[..taken]);
        }
        Ok(taken)
    }

    /// From here on takes little from the server without reading it.
    pub fn shrink_buffer(&mut self) {
        self.wire.shrink_buffer();
    }

    /// Waits, without reading, until the server has broken the connection off; whether it has.
    pub fn await_hangup(&mut self, within: Duration) -> bool {
        self.wire.await_hangup(within)
    }

    /// Sends FIN; a connection that has ended already stays as it is.
    pub fn half_close(&mut self) {
        self.transcript.record(&self.label, Event::HalfClosed);
        self.sending = Sending::Ended;
        // What matters of an end that came first is seen when it is read.
        self.wire.half_close().ok();
    }

    /// Sends RST.
    pub fn reset(&mut self) {
        self.transcript.record(&self.label, Event::Reset);
        self.sending = Sending::Ended;
        self.end = Some(End::Reset);
        self.wire.reset();
    }

    /// Waits until the server has read what was sent, so that the next write is a segment of its own.
    pub fn await_read(&mut self, within: Duration) -> Evidence {
        self.wire.await_read(within)
    }

    /// Whether this text has arrived and was not asked for yet.
    pub fn has_pending(&self, text: &str) -> bool {
        self.waiting.iter().any(|pair| pair.text == text)
    }

    /// How the stream ended, if it has.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Reads once, and sorts what came.
    pub fn read_once(&mut self, within: Duration) -> Progress {
        if self.end.is_some() || self.malformed.is_some() {
            return Progress::None;
        }
        match self.receive_raw(CHUNK_BYTES, within) {
            Received::Bytes(bytes) => self.sort(&bytes),
            Received::Silence => return Progress::None,
            Received::Eof | Received::Reset => {}
        }
        Progress::Made
    }

    /// Reads once, past the pairs: for a test that plays a client which reads on its own.
    pub fn receive_raw(&mut self, most: usize, within: Duration) -> Received {
        let received = self.wire.receive(most, within);
        let event = match &received {
            Received::Bytes(bytes) => Event::Received(bytes[..].into()),
            Received::Silence => return received,
            Received::Eof => Event::Eof,
            Received::Reset => Event::PeerReset,
        };
        self.end = match event {
            Event::Eof => Some(End::Eof),
            Event::PeerReset => Some(End::Reset),
            _ => None,
        };
        self.transcript.record(&self.label, event);
        received
    }

    fn sort(&mut self, bytes: &[u8]) {
        self.incoming.feed(bytes);
        loop {
            match self.incoming.next_pair() {
                Ok(Some(pair)) => self.waiting.push_back(pair),
                Ok(None) => return,
                Err(malformed) => {
                    self.malformed = Some(malformed);
                    return;
                }
            }
        }
    }

    /// Keeps up with what the server understands of `bytes`.
    fn follow(&mut self, bytes: &[u8]) {
        self.outgoing.feed(bytes);
        loop {
            match self.outgoing.next_frame() {
                Ok(Some(frame)) => {
                    self.name.get_or_insert_with(|| frame.to_vec());
                }
                Ok(None) => return,
                Err(_) => {
                    self.sending = Sending::Malformed;
                    return;
                }
            }
        }
    }
}

/// Whether a read brought anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes, or the end of the stream.
    Made,
    /// Nothing in time.
    None,
}

/// A pair as it stands on the wire.
pub fn encoded(pair: &Pair) -> Vec<u8> {
    protocol::pair(&pair.sender, &pair.text).into()
}

const CHUNK_BYTES: usize = 64 * 1024;
