//! Frames: reads the frames of one connection with `protocol::Decoder`.

use std::io::{self, Read};

use bytes::Bytes;
use protocol::{Decoder, pair};

use super::{FRAME_MAX, READ_CHUNK};

/// The frames of a connection, one after the other.
pub(super) struct Frames<R> {
    pub(super) stream: R,
    decoder: Decoder,
    chunk: Box<[u8]>,
}

impl<R: Read> Frames<R> {
    pub(super) fn of(stream: R) -> Self {
        let chunk = vec![0; READ_CHUNK].into();
        Self { stream, decoder: Decoder::new(FRAME_MAX), chunk }
    }

    /// The next frame; `None` at EOF. If a non-blocking stream returns `WouldBlock`, the bytes of
    /// an incomplete frame are kept.
    pub(super) fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(frame) = self.decoder.next_frame().map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            match self.stream.read(&mut self.chunk)? {
                0 => return Ok(None),
                count => self.decoder.feed(&self.chunk[..count]),
            }
        }
    }

    /// Relays each message, as one pair, before it waits for the next.
    pub(super) fn relay_all(&mut self, name: &[u8], relay: impl Fn(&Bytes)) -> io::Result<()> {
        while let Some(text) = self.next()? {
            relay(&pair(name, &text));
        }
        Ok(())
    }
}
