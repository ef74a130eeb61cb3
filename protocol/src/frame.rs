//! Frames: a decoder for a stream of bytes that arrives in pieces, and an encoder.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::{FrameError, FrameFault};
use crate::header::{HEADER_LEN, header, parse_header};

/// Turns the bytes of a stream into frames, wherever TCP cut the stream into segments.
///
/// A caller first calls [`feed`](Self::feed) with bytes from the network, then
/// [`next_frame`](Self::next_frame) until it returns `None`, and so on. A caller that does not keep the
/// payload calls [`read_frame`](Self::read_frame) instead. In this order of calls the decoder needs at most
/// the memory of the largest frame and of one call's bytes. After the first error it is empty, and both
/// methods return that error again (SPEC BAD-02).
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
    /// The largest payload accepted, in bytes.
    limit: usize,
    /// The bytes that arrived and were not taken out yet. A header starts at its first byte.
    buffer: BytesMut,
    /// Bytes of the stream before the buffer's first byte.
    position: u64,
    /// The first error in the stream. From then on `buffer` is empty.
    error: Option<FrameError>,
}

impl Decoder {
    /// A decoder at the start of a stream. It accepts payloads of up to `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { limit, buffer: BytesMut::new(), position: 0, error: None }
    }

    /// Changes the largest payload accepted, in bytes. The next frame taken out is the first it applies to.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Appends bytes from the network. After an error they are ignored.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.reserve(bytes.len());
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// Takes out the next whole frame and returns its payload; `None` if more bytes are needed (SPEC SEG-01).
    ///
    /// # Errors
    ///
    /// The header is malformed (SPEC FRM-07, BAD-03), or its length is over the limit (SPEC BAD-04). A
    /// malformed header is reported at its first wrong byte, a length over the limit when the header is
    /// complete. Frames before it are returned first.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(length) = self.whole_frame()? else { return Ok(None) };
        self.buffer.advance(HEADER_LEN);
        let payload = self.buffer.split_to(length).freeze();
        self.finish_frame(length);
        Ok(Some(payload))
    }

    /// Passes the next whole frame's payload to `read` and returns what `read` returns; `None` if more
    /// bytes are needed.
    ///
    /// The payload stays in the decoder's buffer, which saves the cost of a [`Bytes`] of its own. If
    /// `read` returns `None`, the frame is not taken out and remains the next one.
    ///
    /// # Errors
    ///
    /// Those of [`next_frame`](Self::next_frame).
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
        let end = HEADER_LEN + length;
        let answer = read(&self.buffer[HEADER_LEN..end]);
        if answer.is_some() {
            self.buffer.advance(end);
            self.finish_frame(length);
        }
        Ok(Some(answer))
    }

    /// The bytes that arrived and were not taken out yet, from the next header on; none after an error.
    pub fn buffered(&self) -> &[u8] {
        &self.buffer
    }

    /// The memory of the buffer, in bytes; 0 if no frame has begun.
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Whether a frame has begun and was not taken out.
    pub fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The payload length of the first frame in the buffer; `None` while the frame is not complete.
    fn whole_frame(&mut self) -> Result<Option<usize>, FrameError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let length = self.payload_length().map_err(|error| self.fail(error))?;
        Ok(length.filter(|length| HEADER_LEN + length <= self.buffer.len()))
    }

    /// Counts a frame that was taken out of the buffer.
    fn finish_frame(&mut self, length: usize) {
        self.position += (HEADER_LEN + length) as u64;
        if self.buffer.is_empty() {
            // An idle connection keeps no memory.
            self.buffer = BytesMut::new();
        }
    }

    /// The length in the first header in the buffer; `None` while the header is not complete.
    fn payload_length(&self) -> Result<Option<usize>, FrameError> {
        let length = parse_header(&self.buffer)
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

    /// Makes the buffer large enough for `more` bytes. Its size doubles, but stops at the end of the frame
    /// that is arriving. So memory follows the bytes that arrived, not the length in the header (SPEC LIM-01).
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
/// `payload` is longer than [`PAYLOAD_MAX`](crate::PAYLOAD_MAX) bytes.
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

/// The payload of the first frame in `bytes`, and the bytes after the frame; `None` if it is not complete.
///
/// It allocates nothing and so needs no limit. A stream that arrives in pieces needs a [`Decoder`].
///
/// # Errors
///
/// The header is malformed (SPEC FRM-07, BAD-03). [`FrameError::at`] counts from the start of `bytes`.
///
/// ```
/// let bytes = b"3         ann5         hello";
/// let (name, rest) = protocol::split_frame(bytes).unwrap().unwrap();
/// let (message, rest) = protocol::split_frame(rest).unwrap().unwrap();
/// assert_eq!((name, message, rest), (&b"ann"[..], &b"hello"[..], &b""[..]));
/// assert_eq!(protocol::split_frame(b"5         hel"), Ok(None));
/// ```
#[expect(clippy::type_complexity, reason = "two slices and no more; an alias would hide them")]
pub fn split_frame(bytes: &[u8]) -> Result<Option<(&[u8], &[u8])>, FrameError> {
    let length = parse_header(bytes).map_err(|(at, fault)| FrameError { at: at as u64, fault })?;
    Ok(length.and_then(|length| {
        // No slice holds a payload whose length does not fit a usize: the frame is not complete.
        bytes[HEADER_LEN..].split_at_checked(usize::try_from(length).ok()?)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_frame_is_split_from_the_bytes_after_it() {
        for rest in [&b""[..], b"2", b"2         hi", b"not a frame"] {
            let bytes = [b"5         hello", rest].concat();
            assert_eq!(Ok(Some((&b"hello"[..], rest))), split_frame(&bytes));
        }
    }

    #[test]
    fn buffered_bytes_start_at_the_next_header_and_are_gone_after_an_error() {
        let mut decoder = Decoder::new(64);
        decoder.feed(b"2         hiGET");
        assert_eq!("hi", decoder.next_frame().unwrap().unwrap());
        assert_eq!(b"GET", decoder.buffered());
        assert!(decoder.next_frame().is_err());
        assert_eq!(b"", decoder.buffered());
    }

    #[test]
    fn an_empty_payload_is_a_whole_frame() {
        assert_eq!(Ok(Some((&b""[..], &b"1"[..]))), split_frame(b"0         1"));
    }

    #[test]
    fn every_prefix_of_a_frame_is_incomplete() {
        let frame = b"  05      hello";
        for end in 0..frame.len() {
            assert_eq!(Ok(None), split_frame(&frame[..end]), "{end} bytes");
        }
    }

    #[test]
    fn the_largest_length_is_an_incomplete_frame() {
        assert_eq!(Ok(None), split_frame(b"9999999999hello"));
    }

    #[test]
    fn a_malformed_header_is_reported_at_its_first_wrong_byte() {
        let error = |at, fault| Err(FrameError { at, fault });
        assert_eq!(error(1, FrameFault::Byte(b'x')), split_frame(b"5x"));
        assert_eq!(error(0, FrameFault::Blank), split_frame(b"          hello"));
    }
}
