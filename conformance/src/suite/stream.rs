//! Flood: a known stream of messages, poured through a server as fast as it takes them.
//!
//! The load's checker of numbered messages is not used here on purpose. What a reader has to receive is known to the
//! byte, so headers and the order of pairs are checked too, and the suite does not depend on how the load checks.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{encode_frame, encode_pair};

use super::blame::Fault;
use super::client::Client;
use super::stage::Stage;
use crate::target::Received;

/// Numbered messages of one speaker: what it sends, and what every other member has to receive, to the
/// byte. So nothing has to be parsed, and nothing can be missing, doubled or out of order unseen.
#[derive(Debug)]
pub struct Flood {
    frames: Vec<u8>,
    pairs: Vec<u8>,
}

impl Flood {
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
    pub fn filling(name: &[u8]) -> Self {
        Self::of(name, FILLING_BYTES)
    }
}

/// A member that reads a flood.
pub struct Reader<'a> {
    client: &'a mut Client,
    /// Bytes it reads at a time, at most.
    most: usize,
    read: usize,
}

impl<'a> Reader<'a> {
    /// One that reads whatever there is.
    pub fn eager(client: &'a mut Client) -> Self {
        Self::steady(client, CHUNK_BYTES)
    }

    /// One that reads a little at a time, and never stops.
    pub fn steady(client: &'a mut Client, most: usize) -> Self {
        Self { client, most, read: 0 }
    }

    /// Reads the next bytes of a flood, if they come in time, and returns how many.
    ///
    /// # Errors
    ///
    /// They are others.
    pub fn read(&mut self, flood: &Flood, within: Duration) -> Result<usize, Fault> {
        if self.is_done(flood) {
            return Ok(0);
        }
        // Not beyond the flood: what follows it is the test's.
        let most = self.most.min(flood.pairs.len() - self.read);
        let Received::Bytes(bytes) = self.client.receive_raw(most, within) else { return Ok(0) };
        let due = &flood.pairs[self.read..self.read + bytes.len()];
        if due != bytes {
            let what = format!("{} did not receive what was said next", self.client.label());
            return Err(Fault::Broken { what, expected: due.into(), got: bytes });
        }
        self.read += bytes.len();
        Ok(bytes.len())
    }

    /// Reads what still comes of a flood, to its end or that of the connection.
    ///
    /// # Errors
    ///
    /// It is something else, or neither end comes.
    pub fn read_on(&mut self, flood: &Flood, within: Duration) -> Result<(), Fault> {
        while !self.is_done(flood) {
            if self.read(flood, within)? == 0 && !self.is_done(flood) {
                return Err(Fault::broken(format!(
                    "{} receives neither the rest nor its end",
                    self.client.label()
                )));
            }
        }
        Ok(())
    }

    /// Whether it received all of a flood.
    pub fn is_complete(&self, flood: &Flood) -> bool {
        self.read == flood.pairs.len()
    }

    /// Demands that it received all of a flood.
    ///
    /// # Errors
    ///
    /// It did not.
    pub fn check_complete(&self, flood: &Flood) -> Result<(), Fault> {
        if self.is_complete(flood) {
            return Ok(());
        }
        let (read, all) = (self.read, flood.pairs.len());
        let what = format!("{} was closed after {read} of {all} bytes", self.client.label());
        Err(Fault::broken(what))
    }

    /// Whether nothing of a flood can come any more: it has all of it, or its end.
    pub fn is_done(&self, flood: &Flood) -> bool {
        self.is_complete(flood) || self.client.end().is_some()
    }
}

/// How a flood went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Poured {
    /// For how long, in all, neither the speaker could send nor any reader had anything to read. Only looks
    /// that find nothing count.
    pub stood_still: Duration,
    /// How often the speaker could send nothing.
    pub refusals: usize,
}

/// A flood on its way.
pub struct Pour<'a> {
    flood: &'a Flood,
    from: &'a mut Client,
    sent: usize,
    poured: Poured,
}

/// Whether anything happened in one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Bytes were sent or read.
    Something,
    /// Neither.
    Nothing,
}

impl<'a> Pour<'a> {
    /// A flood of which nothing has been sent. Nothing else may be on its way to its readers: the test
    /// fences everybody in before.
    pub fn new(flood: &'a Flood, from: &'a mut Client) -> Self {
        Self { flood, from, sent: 0, poured: Poured::default() }
    }

    /// Sends what is taken at once, and lets every reader read once.
    ///
    /// # Errors
    ///
    /// The server ends the speaker, or a reader receives something else.
    pub fn turn(&mut self, readers: &mut [Reader<'_>]) -> Result<Moved, Fault> {
        let rest = &self.flood.frames[self.sent..];
        let sent = self.from.offer(&rest[..rest.len().min(TURN_BYTES)])?;
        self.sent += sent;
        self.poured.refusals += usize::from(sent == 0 && !rest.is_empty());
        let mut read = 0;
        for reader in &mut *readers {
            read += reader.read(self.flood, Duration::ZERO)?;
        }
        Ok(if sent + read > 0 { Moved::Something } else { Moved::Nothing })
    }

    /// Goes on until everything is sent and every reader has all of it or was closed.
    ///
    /// # Errors
    ///
    /// As [`turn`](Self::turn); or the speaker receives anything, or nothing moves for longer than `patience`
    /// in all.
    pub fn finish(
        mut self,
        stage: &Stage,
        readers: &mut [Reader<'_>],
        patience: Duration,
    ) -> Result<Poured, Fault> {
        loop {
            let moved = self.turn(readers)?;
            // Its own words are not for the speaker, and it would be a slow reader of them.
            self.from.expect_nothing_yet()?;
            if self.is_sent() && readers.iter().all(|reader| reader.is_done(self.flood)) {
                return Ok(self.poured);
            }
            if moved == Moved::Something {
                continue;
            }
            let start = Instant::now();
            let read = match readers.iter_mut().find(|reader| !reader.is_done(self.flood)) {
                Some(reader) => reader.read(self.flood, stage.look_pace())?,
                // Without a wait the time in which nothing moves would hardly be counted.
                None => self.from.expect_nothing_within(stage.look_pace()).map(|()| 0)?,
            };
            if read > 0 {
                // A server may be slower than its clients: that is not standing still.
                continue;
            }
            self.poured.stood_still += start.elapsed();
            if self.poured.stood_still > patience {
                return Err(Fault::broken(format!(
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
    pub fn until_stuck(&mut self, stage: &Stage, readers: &mut [Reader<'_>]) -> Result<(), Fault> {
        let (mut still, mut moved) = (0, Instant::now());
        while still < STILL_TURNS && !self.is_sent() {
            if self.turn(readers)? == Moved::Something {
                (still, moved) = (0, Instant::now());
                continue;
            }
            // It may only not have had its turn yet; one that is never at rest does not move any more either.
            let waits = moved.elapsed() < stage.deadline() && stage.is_server_busy();
            still = if waits { 0 } else { still + 1 };
            for reader in readers.iter_mut().take(1) {
                reader.read(self.flood, stage.look_pace())?;
            }
        }
        Ok(())
    }

    /// Who says it.
    pub fn speaker(&mut self) -> &mut Client {
        self.from
    }

    /// Whether all of it is sent.
    pub fn is_sent(&self) -> bool {
        self.sent == self.flood.frames.len()
    }
}

/// Of one message.
pub const TEXT_BYTES: usize = 1024;
/// Loopback sockets absorb up to 6 MiB; windows under test are small against the rest.
const FILLING_BYTES: usize = 16 << 20;
/// Each about 5 ms long.
const STILL_TURNS: usize = 10;
const CHUNK_BYTES: usize = 256 * 1024;
/// Sent before the readers have their turn.
const TURN_BYTES: usize = 256 * 1024;
