//! Frames: a 10-byte length header and a payload, decoded from bytes cut anywhere.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::{FrameError, FrameFault};
use crate::header::{HEADER_LEN, header, parse_header};

/// Turns bytes that arrive in any segmentation into frames, without copying a payload out.
///
/// Two kinds of method, called in turn: [`feed`](Self::feed) takes what the network brought;
/// [`next_frame`](Self::next_frame) gives one frame at a time until it answers `None`, and
/// [`read_frame`](Self::read_frame) does so for one that is only looked at. A caller that
/// drains the decoder before it feeds it again keeps it under one largest frame plus what it feeds
/// at a time. After the first error the decoder holds nothing and repeats that error (SPEC BAD-02).
///
/// ```
/// let mut decoder = protocol::Decoder::new(64);
/// decoder.feed(b"5         hel");
/// assert_eq!(decoder.next_frame(), Ok(None));
/// decoder.feed(b"lo2         ");
/// assert_eq!(decoder.next_frame().unwrap().unwrap(), "hello");
/// assert_eq!(decoder.next_frame(), Ok(None));
/// assert!(decoder.is_mid_frame());
/// ```
#[derive(Debug)]
pub struct Decoder {
    /// Largest payload accepted, in bytes.
    limit: usize,
    /// What has arrived and has not been given out; starts at a header.
    buffer: BytesMut,
    /// Where in the stream `buffer` starts, in bytes from its beginning.
    position: u64,
    /// The first error, once there was one; `buffer` is empty from then on.
    error: Option<FrameError>,
}

impl Decoder {
    /// A decoder at the start of a stream that accepts payloads of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: BytesMut::new(), position: 0, error: None }
    }

    /// Changes the largest payload accepted, in bytes, from the next frame given out on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Takes bytes as they came from the network. After an error they are ignored.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.reserve(bytes.len());
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole frame's payload; `None` if more bytes are needed (SPEC SEG-01).
    ///
    /// # Errors
    ///
    /// The header is malformed (SPEC FRM-07, BAD-03) or announces more than the limit (SPEC BAD-04).
    /// Both are told from the header alone, at its first wrong byte; frames before it are given first.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(length) = self.whole_frame()? else { return Ok(None) };
        self.buffer.advance(HEADER_LEN);
        let payload = self.buffer.split_to(length).freeze();
        self.finish_frame(length);
        Ok(Some(payload))
    }

    /// As [`next_frame`](Self::next_frame), but shows the payload to `read` where it lies, and gives what that
    /// answers: for who does not keep it, because an owner of its own costs as much as all the rest. If the answer is
    /// `None`, the frame has not been given out and is still the next.
    ///
    /// # Errors
    ///
    /// As [`next_frame`](Self::next_frame).
    ///
    /// ```
    /// let mut decoder = protocol::Decoder::new(64);
    /// decoder.feed(b"5         hello");
    /// assert_eq!(decoder.read_frame(|_| None::<usize>), Ok(Some(None)));
    /// assert_eq!(decoder.read_frame(|payload| Some(payload.len())), Ok(Some(Some(5))));
    /// assert_eq!(decoder.read_frame(|payload| Some(payload.len())), Ok(None));
    /// ```
    pub fn read_frame<T>(
        &mut self,
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<Option<Option<T>>, FrameError> {
        let Some(length) = self.whole_frame()? else { return Ok(None) };
        let whole = HEADER_LEN + length;
        let answer = read(&self.buffer[HEADER_LEN..whole]);
        if answer.is_some() {
            self.buffer.advance(whole);
            self.finish_frame(length);
        }
        Ok(Some(answer))
    }

    /// Bytes of memory set aside for what has not been given out yet.
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether a frame has begun and is not complete.
    pub fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The payload length of the first frame held, if it is held whole.
    fn whole_frame(&mut self) -> Result<Option<usize>, FrameError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let length = self.payload_length().map_err(|error| self.fail(error))?;
        Ok(length.filter(|length| HEADER_LEN + length <= self.buffer.len()))
    }

    /// Takes note that a frame with such a payload has been given out.
    fn finish_frame(&mut self, length: usize) {
        self.position += (HEADER_LEN + length) as u64;
        if self.buffer.is_empty() {
            // An idle connection keeps no buffer.
            self.buffer = BytesMut::new();
        }
    }

    /// The payload length that the first header held announces, once it is known and allowed.
    fn payload_length(&self) -> Result<Option<usize>, FrameError> {
        let start = &self.buffer[..self.buffer.len().min(HEADER_LEN)];
        let length = parse_header(start)
            .map_err(|(at, fault)| FrameError { at: self.position + at as u64, fault })?;
        match length {
            Some(length) if length > self.limit as u64 => {
                let fault = FrameFault::TooLong { length, limit: self.limit };
                Err(FrameError { at: self.position, fault })
            }
            length => Ok(length.map(|length| usize::try_from(length).expect("limit is a usize"))),
        }
    }

    fn fail(&mut self, error: FrameError) -> FrameError {
        self.buffer = BytesMut::new();
        self.error = Some(error);
        error
    }

    /// Makes place for `more` bytes: twofold growth, but never beyond the frame being received, so
    /// memory follows the bytes that came and not those that were promised (SPEC LIM-01).
    fn reserve(&mut self, more: usize) {
        let needed = self.buffer.len() + more;
        if needed <= self.buffer.capacity() {
            return;
        }
        let frame = self.payload_length().ok().flatten().map_or(0, |length| HEADER_LEN + length);
        let mut grown = BytesMut::with_capacity(needed.max(frame.min(2 * self.buffer.len())));
        grown.extend_from_slice(&self.buffer);
        self.buffer = grown;
    }
}

/// Appends one frame, header and payload, to `out`.
///
/// # Panics
///
/// `payload` is longer than [`PAYLOAD_MAX`] bytes.
///
/// ```
/// let mut out = bytes::BytesMut::new();
/// protocol::encode_frame("سلام".as_bytes(), &mut out);
/// assert_eq!(out, "8         سلام".as_bytes());
/// ```
pub fn encode_frame(payload: &[u8], out: &mut impl BufMut) {
    out.put_slice(&header(payload.len()));
    out.put_slice(payload);
}
