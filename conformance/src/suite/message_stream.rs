//! Message stream: numbered messages of one member, sent as fast as the server takes them, and
//! their readers.
//!
//! The load generator has a checker of numbered messages too. It is not used here on purpose: a reader
//! knows every byte that it has to receive, so headers and the order of pairs are checked too, and the
//! suite does not depend on how the load checks.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{encode_frame, encode_pair};

use super::client::{Client, Progress};
use super::error::TestError;
use super::fixture::Fixture;
use crate::target::Received;

/// Numbered messages of one member, as the bytes that it sends and the bytes that every other
/// member has to receive. The readers compare bytes, so a missing, doubled or misplaced message is
/// always seen.
#[derive(Debug)]
pub struct MessageStream {
    frames: Vec<u8>,
    pairs: Vec<u8>,
}

impl MessageStream {
    /// About `bytes` bytes of messages of [`TEXT_BYTES`] each, sent by the member `name`.
    pub fn of(name: &[u8], bytes: usize) -> Self {
        let (mut frames, mut pairs) = (BytesMut::new(), BytesMut::new());
        for number in 0..bytes / TEXT_BYTES {
            let text = format!("{number:.>TEXT_BYTES$}");
            encode_frame(text.as_bytes(), &mut frames);
            encode_pair(name, text.as_bytes(), &mut pairs);
        }
        Self { frames: frames.into(), pairs: pairs.into() }
    }

    /// More than a server and the kernel hold for a client that does not read.
    pub fn beyond_buffers(name: &[u8]) -> Self {
        Self::of(name, BEYOND_BUFFERS_BYTES)
    }
}

/// A member that reads a message stream.
pub struct StreamReader<'a> {
    client: &'a mut Client,
    /// The most bytes that it reads at a time.
    most: usize,
    read: usize,
}

impl<'a> StreamReader<'a> {
    /// A reader that reads everything that is there.
    pub fn eager(client: &'a mut Client) -> Self {
        Self::of_chunks(client, CHUNK_BYTES)
    }

    /// A reader that reads at most so many bytes at a time.
    pub fn of_chunks(client: &'a mut Client, most: usize) -> Self {
        Self { client, most, read: 0 }
    }

    /// Reads the next bytes of a stream, if they arrive in time, and returns how many.
    ///
    /// # Errors
    ///
    /// They are not the bytes of the stream.
    pub fn read(&mut self, stream: &MessageStream, within: Duration) -> Result<usize, TestError> {
        if self.is_done(stream) {
            return Ok(0);
        }
        // Not beyond the stream: the test itself reads what follows.
        let most = self.most.min(stream.pairs.len() - self.read);
        let Received::Bytes(bytes) = self.client.receive_raw(most, within) else { return Ok(0) };
        let due = &stream.pairs[self.read..self.read + bytes.len()];
        if due != bytes {
            let what =
                format!("{} received other bytes than the next message", self.client.label());
            return Err(TestError::Broken { what, expected: due.into(), received: bytes });
        }
        self.read += bytes.len();
        Ok(bytes.len())
    }

    /// Reads the rest of a stream, up to its end or the end of the connection.
    ///
    /// # Errors
    ///
    /// Something else arrives, or neither end is reached.
    pub fn read_to_end(
        &mut self,
        stream: &MessageStream,
        within: Duration,
    ) -> Result<(), TestError> {
        while !self.is_done(stream) {
            if self.read(stream, within)? == 0 && !self.is_done(stream) {
                return Err(TestError::broken(format!(
                    "the server sent {} neither the remaining messages nor the end",
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

    /// Checks that it received all of a stream.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn check_complete(&self, stream: &MessageStream) -> Result<(), TestError> {
        if self.is_complete(stream) {
            return Ok(());
        }
        let (read, all) = (self.read, stream.pairs.len());
        let label = self.client.label();
        let what = format!("the server ended {label}'s connection after {read} of {all} bytes");
        Err(TestError::broken(what))
    }

    /// Whether it can receive no more of a stream: it has all of it, or the connection has ended.
    pub fn is_done(&self, stream: &MessageStream) -> bool {
        self.is_complete(stream) || self.client.end().is_some()
    }
}

/// The measurements of a transfer.
#[derive(Clone, Copy, Debug, Default)]
pub struct TransferReport {
    /// The total time in which neither the sender could send nor any reader had anything to read.
    pub stalled: Duration,
    /// The number of steps in which the sender's socket was full.
    pub full_socket_turns: usize,
}

/// A message stream that is being sent.
pub struct Transfer<'a> {
    stream: &'a MessageStream,
    from: &'a mut Client,
    sent: usize,
    report: TransferReport,
}

impl<'a> Transfer<'a> {
    /// A transfer of which nothing has been sent. Nothing else may be in flight to its readers, so
    /// the test fences all members before.
    pub fn new(stream: &'a MessageStream, from: &'a mut Client) -> Self {
        Self { stream, from, sent: 0, report: TransferReport::default() }
    }

    /// Sends what the socket takes without blocking, and lets every reader read once.
    ///
    /// # Errors
    ///
    /// The server ends the sender's connection, or a reader receives something else.
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

    /// Runs until everything is sent and every reader has received all of it or was closed.
    ///
    /// # Errors
    ///
    /// Those of [`step`](Self::step). Or the sender receives anything. Or no bytes are sent or
    /// received for longer than `patience` in total.
    pub fn run_to_end(
        mut self,
        fixture: &Fixture,
        readers: &mut [StreamReader<'_>],
        patience: Duration,
    ) -> Result<TransferReport, TestError> {
        loop {
            let moved = self.step(readers)?;
            // The sender does not read. If the server sent it its own messages, it would be a slow
            // reader.
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
                // Only time that is spent waiting counts as stalled, so there has to be a wait here
                // too.
                None => self.from.expect_nothing_within(fixture.look_interval()).map(|()| 0)?,
            };
            if read > 0 {
                // A server that is slower than its clients is not stalled.
                continue;
            }
            self.report.stalled += start.elapsed();
            if self.report.stalled > patience {
                return Err(TestError::broken(format!(
                    "the server accepted and delivered nothing for more than {:.1} s in total",
                    patience.as_secs_f64()
                )));
            }
        }
    }

    /// Runs until everything is sent, or until no bytes have moved for some 50 ms in which the
    /// server had nothing to do.
    ///
    /// # Errors
    ///
    /// Those of [`step`](Self::step).
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
            // A busy server may not have been scheduled yet. One that stays busy up to the deadline
            // is stalled too.
            let waits = moved.elapsed() < fixture.deadline() && fixture.is_server_busy();
            still = if waits { 0 } else { still + 1 };
            for reader in readers.iter_mut().take(1) {
                reader.read(self.stream, fixture.look_interval())?;
            }
        }
        Ok(())
    }

    /// The member that sends.
    pub fn sender(&mut self) -> &mut Client {
        self.from
    }

    /// Whether all of it is sent.
    pub fn is_sent(&self) -> bool {
        self.sent == self.stream.frames.len()
    }
}

/// The length of one message's text.
pub const TEXT_BYTES: usize = 1024;
/// The sockets of a loopback connection hold up to 6 MiB; the windows under test are far smaller
/// than the rest.
const BEYOND_BUFFERS_BYTES: usize = 16 << 20;
/// Each step takes about 5 ms.
const STALLED_STEPS: usize = 10;
const CHUNK_BYTES: usize = 256 * 1024;
/// The most that is sent before the readers read.
const STEP_BYTES: usize = 256 * 1024;
