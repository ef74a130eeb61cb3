//! Client: a client of the suite, which sends exact bytes and keeps everything that it receives.

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

/// One client, controlled by a test.
///
/// There are three kinds of methods. Sending ([`say`](Self::say), [`write`](Self::write),
/// [`half_close`](Self::half_close), [`reset`](Self::reset)) never waits for an answer. Expecting
/// ([`expect`](Self::expect), [`expect_end`](Self::expect_end)) waits for one thing within a bound.
/// Reading ([`read_once`](Self::read_once), [`has_pending`](Self::has_pending), [`end`](Self::end))
/// collects what has arrived and shows it. Pairs are kept in order until a test expects them; the
/// suite's own tokens are skipped.
pub struct Client {
    label: String,
    wire: Box<dyn Wire>,
    transcript: Transcript,
    tokens: Tokens,
    incoming: PairReader,
    /// Whole pairs that have arrived and that no test has expected yet.
    waiting: VecDeque<Pair>,
    /// The malformed bytes after `waiting`, if there are any.
    malformed: Option<Malformed>,
    end: Option<End>,
    /// Decodes what this client has sent, as the server should.
    outgoing: Decoder,
    /// The first frame that was sent, which is the name.
    name: Option<Vec<u8>>,
    sending: Sending,
}

/// How the server ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a FIN.
    Eof,
    /// With a RST.
    Reset,
}

/// The state of a client's sending direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    Open,
    /// The client sent FIN or RST.
    Ended,
    /// The client sent a header that no server may accept.
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

    /// Its name in the test and in reports.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The name that it sent, if it has sent one.
    pub fn name(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    /// Whether the server has to accept a further frame.
    pub fn can_send(&self) -> bool {
        self.sending == Sending::Open && self.end.is_none() && !self.outgoing.is_mid_frame()
    }

    /// Whether the server has to relay other members' messages to it.
    pub fn can_receive(&self) -> bool {
        self.name.is_some() && self.sending == Sending::Open && self.end.is_none()
    }

    /// Whether it is connected, and has sent neither its whole name nor anything malformed.
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
                "the server did not accept what {} sent: {error}",
                self.label
            ))
        })?;
        self.track_sent(bytes);
        Ok(())
    }

    /// Sends as many of these bytes as the kernel takes without blocking, and returns how many:
    /// zero if the socket is full.
    ///
    /// # Errors
    ///
    /// The server has ended the connection.
    pub fn try_send(&mut self, bytes: &[u8]) -> Result<usize, TestError> {
        let taken = self.wire.try_send(bytes).map_err(|error| {
            TestError::broken(format!(
                "the server did not accept what {} sent: {error}",
                self.label
            ))
        })?;
        if taken > 0 {
            self.transcript.record(&self.label, Event::Sent(bytes[..taken].into()));
            self.track_sent(&bytes[..taken]);
        }
        Ok(taken)
    }

    /// Makes its receive buffer small, so that a server meets a full socket early.
    pub fn shrink_receive_buffer(&mut self) {
        self.wire.shrink_receive_buffer();
    }

    /// Waits, without reading, until the connection is reset or closed in both directions, and
    /// returns whether that happened in time.
    pub fn wait_for_break(&mut self, within: Duration) -> bool {
        self.wire.wait_for_break(within)
    }

    /// Sends FIN. A connection that has already ended stays as it is.
    pub fn half_close(&mut self) {
        self.transcript.record(&self.label, Event::HalfClosed);
        self.sending = Sending::Ended;
        // It fails if the server has already ended the connection; that is seen at the next read.
        self.wire.half_close().ok();
    }

    /// Sends RST.
    pub fn reset(&mut self) {
        self.transcript.record(&self.label, Event::Reset);
        self.sending = Sending::Ended;
        self.end = Some(End::Reset);
        self.wire.reset();
    }

    /// Waits until the server has read everything sent, so that the next write arrives as a piece
    /// of its own.
    pub fn await_read(&mut self, within: Duration) -> Evidence {
        self.wire.await_read(within)
    }

    /// Whether a pair with this text has arrived that no test has expected yet.
    pub fn has_pending(&self, text: &str) -> bool {
        self.waiting.iter().any(|pair| pair.text == text)
    }

    /// How the connection ended, if it has.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// Reads once, and splits what has arrived into pairs.
    pub fn read_once(&mut self, within: Duration) -> Progress {
        if self.end.is_some() || self.malformed.is_some() {
            return Progress::None;
        }
        match self.receive_raw(CHUNK_BYTES, within) {
            Received::Bytes(bytes) => self.split_pairs(&bytes),
            Received::Silence => return Progress::None,
            Received::Eof | Received::Reset => {}
        }
        Progress::Made
    }

    /// Reads once and returns the bytes instead of keeping pairs, for a test that parses them
    /// itself.
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

    fn split_pairs(&mut self, bytes: &[u8]) {
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

    /// Records what the server should understand of `bytes`.
    fn track_sent(&mut self, bytes: &[u8]) {
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

/// Whether a step sent or received anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Bytes were sent or received, or the connection ended.
    Made,
    /// Nothing happened within the time given.
    None,
}

/// A pair in its wire format.
pub fn encoded(pair: &Pair) -> Vec<u8> {
    protocol::pair(&pair.sender, &pair.text).into()
}

const CHUNK_BYTES: usize = 64 * 1024;
