//! Pairs: a sender's name frame and a message frame, the only thing a server ever says.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::FrameError;
use crate::frame::{Decoder, encode_frame};
use crate::header::HEADER_LEN;

/// One relay as a client receives it (SPEC RLY-03).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The sender's name, byte for byte as sent.
    pub sender: Bytes,
    /// The message.
    pub text: Bytes,
}

/// Bytes a pair takes on the wire.
pub fn pair_len(sender: &[u8], text: &[u8]) -> usize {
    2 * HEADER_LEN + sender.len() + text.len()
}

/// Appends one pair, both frames back to back, to `out` (SPEC RLY-03).
///
/// # Panics
///
/// A part is longer than [`PAYLOAD_MAX`](crate::PAYLOAD_MAX) bytes.
///
/// ```
/// let mut out = bytes::BytesMut::new();
/// protocol::encode_pair(b"ann", b"hello", &mut out);
/// assert_eq!(out, "3         ann5         hello");
/// ```
pub fn encode_pair(sender: &[u8], text: &[u8], out: &mut impl BufMut) {
    encode_frame(sender, out);
    encode_frame(text, out);
}

/// One pair by itself, both frames in one allocation of [`pair_len`] bytes (SPEC RLY-03). A clone of it is a handle.
///
/// # Panics
///
/// As [`encode_pair`].
///
/// ```
/// assert_eq!(protocol::pair(b"ann", b"hello"), "3         ann5         hello");
/// ```
pub fn pair(sender: &[u8], text: &[u8]) -> Bytes {
    let mut pair = BytesMut::with_capacity(pair_len(sender, text));
    encode_pair(sender, text, &mut pair);
    pair.freeze()
}

/// Turns what a server sends, cut anywhere, into pairs: the client's side of [`Decoder`].
///
/// ```
/// let mut pairs = protocol::PairDecoder::new(64);
/// pairs.feed(b"3         ann5         hel");
/// assert_eq!(pairs.next_pair(), Ok(None));
/// pairs.feed(b"lo");
/// let pair = pairs.next_pair().unwrap().unwrap();
/// assert_eq!((&pair.sender[..], &pair.text[..]), (&b"ann"[..], &b"hello"[..]));
/// ```
#[derive(Debug)]
pub struct PairDecoder {
    frames: Decoder,
    /// The name frame of a pair whose message frame is still on its way.
    sender: Option<Bytes>,
}

impl PairDecoder {
    /// A decoder at the start of a stream that accepts frames of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { frames: Decoder::new(limit), sender: None }
    }

    /// Takes bytes as they came from the network.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.frames.feed(bytes);
    }

    /// The next whole pair; `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// As [`Decoder::next_frame`].
    pub fn next_pair(&mut self) -> Result<Option<Pair>, FrameError> {
        if self.sender.is_none() {
            self.sender = self.frames.next_frame()?;
        }
        if self.sender.is_none() {
            return Ok(None);
        }
        let text = self.frames.next_frame()?;
        Ok(text.and_then(|text| Some(Pair { sender: self.sender.take()?, text })))
    }

    /// Whether the stream would end inside a pair if it ended here (SPEC CLS-04).
    pub fn is_mid_pair(&self) -> bool {
        self.sender.is_some() || self.frames.is_mid_frame()
    }
}
