//! Pairs: a frame with the sender's name and a frame with the message. A server sends nothing else.

use bytes::{BufMut, Bytes, BytesMut};

use crate::error::FrameError;
use crate::frame::{Decoder, encode_frame};
use crate::header::HEADER_LEN;

/// One pair as a client receives it (SPEC RLY-03).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The sender's name, unchanged.
    pub sender: Bytes,
    /// The message, unchanged.
    pub text: Bytes,
}

/// The length of a pair on the wire, in bytes.
pub fn pair_len(sender: &[u8], text: &[u8]) -> usize {
    2 * HEADER_LEN + sender.len() + text.len()
}

/// Appends one pair to `out`, the second frame directly after the first (SPEC RLY-03).
///
/// # Panics
///
/// The name or the message is longer than [`PAYLOAD_MAX`](crate::PAYLOAD_MAX) bytes.
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

/// One pair in one allocation of [`pair_len`] bytes (SPEC RLY-03). Its clones share the allocation.
///
/// # Panics
///
/// The name or the message is longer than [`PAYLOAD_MAX`](crate::PAYLOAD_MAX) bytes.
///
/// ```
/// assert_eq!(protocol::pair(b"ann", b"hello"), "3         ann5         hello");
/// ```
pub fn pair(sender: &[u8], text: &[u8]) -> Bytes {
    let mut pair = BytesMut::with_capacity(pair_len(sender, text));
    encode_pair(sender, text, &mut pair);
    pair.freeze()
}

/// Turns the bytes that a server sends into pairs, wherever TCP cut them into segments.
///
/// It is a [`Decoder`] for clients, with the same order of calls: [`feed`](Self::feed), then
/// [`next_pair`](Self::next_pair) until it returns `None`.
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
    /// The name from a pair whose message frame is not complete yet.
    sender: Option<Bytes>,
}

impl PairDecoder {
    /// A decoder at the start of a stream. It accepts payloads of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { frames: Decoder::new(limit), sender: None }
    }

    /// Appends bytes from the network. After an error they are ignored.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.frames.feed(bytes);
    }

    /// Takes out the next whole pair; `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// Those of [`Decoder::next_frame`].
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

    /// Whether a pair has begun and is not complete. If the stream ends now, it ends inside a pair (SPEC CLI-03).
    pub fn is_mid_pair(&self) -> bool {
        self.sender.is_some() || self.frames.is_mid_frame()
    }
}
