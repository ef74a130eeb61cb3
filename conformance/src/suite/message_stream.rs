//! MessageStream: a known stream of messages, report through a server as fast as it takes them.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{encode_frame, encode_pair};

use super::client::{Client, Progress};
use super::error::TestError;
use super::fixture::Fixture;
use crate::target::Received;

/// Numbered messages of one speaker: what it sends, and what every other member has to receive, to the
/// byte. So nothing has to be parsed, and nothing can be missing, doubled or out of order unseen.
#[derive(Debug)]
pub struct MessageStream {
    frames: Vec<u8>,
    pairs: Vec<u8>,
}

impl MessageStream {
    /// About `bytes` bytes of messages of [`TEXT_BYTES`] each, said by `name`.
    pub fn of(name: &[u8], bytes: usize) -> Self {
        let (mut frames, mut pairs) = (BytesMut::new(), BytesMut::new());
        for number in 0..bytes / TEXT_BYTES {
            let text = format!("{number:.>TEXT_BYTES$}");
            encode_frame(text.as_bytes(), &mut frames);
            encode_pair(name, text.as_bytes(), &mut pairs);
        }
        Self { frames: frames.into(), pairs: pairs.into() }
    }

    /// Enough to fill what a server and the kernel hold for a client that does not read.
    pub fn beyond_buffers(name: &[u8]) -> Self {
        Self::of(name, BEYOND_BUFFERS_BYTES)
    }
}

/// A member that reads a stream.
pub struct StreamReader<'a> {
    client: &'a mut Client,
    /// Bytes it reads at a time, at most.
    most: usize,
    read: usize,
}

impl<'a> StreamReader<'a> {
    /// One that reads whatever there is.
    pub fn eager(client: &'a mut Client) -> Self {
        Self::of_chunks(client, CHUNK_BYTES)
    }

    /// One that reads a little at a time, and never stops.
    pub fn of_chunks(client: &'a mut Client, most: usize) -> Self {
        Self { client, most, read: 0 }
    }

    /// Reads the next bytes of a stream, if they come in time, and returns how many.
    ///
    /// # Errors
    ///
    /// They are others.
    pub fn read(&mut self, stream: &MessageStream, within: Duration) -> Result<usize, TestError> {
        if self.is_done(stream) {
            return Ok(0);
        }
        // Not beyond the stream: what follows it is the test's.
        let most = self.most.min(stream.pairs.len() - self.read);
        let Received::Bytes(bytes) = self.client.receive_raw(most, within) else { return Ok(0) };
        let due = &stream.pairs[self.read..self.read + bytes.len()];
        if due != bytes {
            let what = format!("{} did not receive what was said next", self.client.label());
            return Err(TestError::Broken { what, expected: due.into(), received: bytes });
        }
        self.read += bytes.len();
        Ok(bytes.len())
    }

    /// Reads what still comes of a stream, to its end or that of the connection.
    ///
    /// # Errors
    ///
    /// It is something else, or neither end comes.
    pub fn read_to_end(
        &mut self,
        stream: &MessageStream,
        within: Duration,
    ) -> Result<(), TestError> {
        while !self.is_done(stream) {
            if self.read(stream, within)? == 0 && !self.is_done(stream) {
                return Err(TestError::broken(format!(
                    "{} receives neither the rest nor its end",
                    self.client.label()
                )));
            }
        }
        Ok(())
    }

    /// Whether it received all of a stream.
    pub fn is_complete(&self, stream: &MessageStream) -> bool {
        self.read == stream.pairs.len()
    }

    /// Demands that it received all of a stream.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn check_complete(&self, stream: &MessageStream) -> Result<(), TestError> {
        if self.is_complete(stream) {
            return Ok(());
        }
        let (read, all) = (self.read, stream.pairs.len());
        let what = format!("{} was closed after {read} of {all} bytes", self.client.label());
        Err(TestError::broken(what))
    }

    /// Whether nothing of a flood can come any more: it has all of it, or its end.
    pub fn is_done(&self, stream: &MessageStream) -> bool {
        self.is_complete(stream) || self.client.end().is_some()
    }
}

/// How a flood went.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransferReport {
    /// For how long, in all, neither the speaker could send nor any reader had anything to read. Only looks
    /// that find nothing count.
    pub stalled: Duration,
    /// How often the speaker could send nothing.
    pub full_socket_turns: usize,
}

/// A flood on its way.
pub struct Transfer<'a> {
    stream: &'a MessageStream,
    from: &'a mut Client,
    sent: usize,
    report: TransferReport,
}

impl<'a> Transfer<'a> {
    /// A flood of which nothing has been sent. Nothing else may be on its way to its readers: the test
    /// fences everybody in before.
    pub fn new(stream: &'a MessageStream, from: &'a mut Client) -> Self {
        Self { stream, from, sent: 0, report: TransferReport::default() }
    }

    /// Sends what is taken at once, and lets every reader read once.
    ///
    /// # Errors
    ///
    /// The server ends the speaker, or a reader receives something else.
    pub fn step(&mut self, readers: &mut [StreamReader<'_>]) -> Result<Progress, TestError> {
        let rest = &self.stream.frames[self.sent..];
        let sent = self.from.try_send(&rest[..rest.len().min(STEP_BYTES)])?;
        self.sent += sent;
        self.report.full_socket_turns += usize::from(sent == 0 && !rest.is_empty());
        let mut read = 0;
        for reader in &mut *readers {
            read += reader.read(self.stream, Duration::ZERO)?;
        }
        Ok(if sent + read > 0 { Progress::Made } else { Progress::None })
    }

    /// Goes on until everything is sent and every reader has all of it or was closed.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn); or the speaker receives anything, or nothing moves for longer than `patience`
    /// in all.
    pub fn run_to_end(
        mut self,
        fixture: &Fixture,
        readers: &mut [StreamReader<'_>],
        patience: Duration,
    ) -> Result<TransferReport, TestError> {
        loop {
            let moved = self.step(readers)?;
            // Its own words are not for the speaker, and it would be a slow reader of them.
            self.from.expect_nothing_yet()?;
            if self.is_sent() && readers.iter().all(|reader| reader.is_done(self.stream)) {
                return Ok(self.report);
            }
            if moved == Progress::Made {
                continue;
            }
            let start = Instant::now();
            let read = match readers.iter_mut().find(|reader| !reader.is_done(self.stream)) {
                Some(reader) => reader.read(self.stream, fixture.look_interval())?,
                // Without a wait the time in which nothing moves would hardly be counted.
                None => self.from.expect_nothing_within(fixture.look_interval()).map(|()| 0)?,
            };
            if read > 0 {
                // A server may be slower than its clients: that is not standing still.
                continue;
            }
            self.report.stalled += start.elapsed();
            if self.report.stalled > patience {
                return Err(TestError::broken(format!(
                    "the room stood still for more than {:.1} s",
                    patience.as_secs_f64()
                )));
            }
        }
    }

    /// Goes on until nothing has moved for a moment in which the server had nothing to do, or everything is sent.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn).
    pub fn run_until_stalled(
        &mut self,
        fixture: &Fixture,
        readers: &mut [StreamReader<'_>],
    ) -> Result<(), TestError> {
        let (mut still, mut moved) = (0, Instant::now());
        while still < STALLED_STEPS && !self.is_sent() {
            if self.step(readers)? == Progress::Made {
                (still, moved) = (0, Instant::now());
                continue;
            }
            // It may only not have had its turn yet; one that is never at rest does not move any more either.
            let waits = moved.elapsed() < fixture.deadline() && fixture.is_server_busy();
            still = if waits { 0 } else { still + 1 };
            for reader in readers.iter_mut().take(1) {
                reader.read(self.stream, fixture.look_interval())?;
            }
        }
        Ok(())
    }

    /// Who says it.
    pub fn sender(&mut self) -> &mut Client {
        self.from
    }

    /// Whether all of it is sent.
    pub fn is_sent(&self) -> bool {
        self.sent == self.stream.frames.len()
    }
}

/// Of one message.
pub const TEXT_BYTES: usize = 1024;
/// Loopback sockets absorb up to 6 MiB; windows under test are small against the rest.
const BEYOND_BUFFERS_BYTES: usize = 16 << 20;
/// Each about 5 ms long.
const STALLED_STEPS: usize = 10;
const CHUNK_BYTES: usize = 256 * 1024;
/// Sent before the readers have their turn.
const STEP_BYTES: usize = 256 * 1024;
