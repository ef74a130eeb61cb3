//! Hostile client: one client, and what it does in each of its turns.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{encode_frame, header};
use socket2::SockRef;

use super::budget::Budget;
use super::end::{End, Tail};
use super::kind::{Behaviour, Kind, Reads};

/// One hostile client, connected or not.
#[derive(Debug)]
pub(super) struct HostileClient {
    behaviour: Behaviour,
    connection: Option<Connection>,
}

/// One connection of a hostile client.
#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    outgoing: Outgoing,
    /// When it may send or read its next byte, if it does so slowly.
    pause_until: Instant,
    tail: Tail,
}

/// What a client sends.
#[derive(Debug)]
struct Outgoing {
    bytes: Rc<[u8]>,
    /// How many of the bytes have been sent.
    sent: usize,
    /// From this place on, one byte at a time.
    dripping_from: usize,
}

impl HostileClient {
    pub(super) fn new(behaviour: Behaviour) -> Self {
        Self { behaviour, connection: None }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Takes one turn. Returns how its connection ended, if it ended now.
    pub(super) fn turn(&mut self, budget: &mut Budget) -> Option<End> {
        let Some(connection) = &mut self.connection else { return self.connect(budget) };
        let end = connection
            .receive(self.behaviour.reads(), budget)
            .or_else(|| connection.send(self.behaviour, budget))
            .or_else(|| connection.leave(self.behaviour.kind, budget.now));
        if end.is_some() {
            self.connection = None;
        }
        end
    }

    /// Disconnects for good. Returns how its connection ended; `None` if it was not connected.
    pub(super) fn leave(&mut self, budget: &mut Budget) -> Option<End> {
        let mut connection = self.connection.take()?;
        Some(connection.drain(budget).unwrap_or(End::Open))
    }

    fn connect(&mut self, budget: &mut Budget) -> Option<End> {
        if !budget.take_connection() {
            return None;
        }
        match budget.connect(self.behaviour.receive_buffer()) {
            Ok(stream) => {
                let outgoing = Outgoing::first(self.behaviour, budget);
                let pause_until = budget.now + budget.random_duration(SPREAD);
                let tail = Tail::default();
                self.connection = Some(Connection { stream, outgoing, pause_until, tail });
                None
            }
            Err(error) => Some(End::Failed(error.kind())),
        }
    }
}

impl Connection {
    fn receive(&mut self, reads: Reads, budget: &mut Budget) -> Option<End> {
        match reads {
            Reads::Nothing => self.error(),
            Reads::OneBytePerSecond if budget.now < self.pause_until => self.error(),
            Reads::OneBytePerSecond => {
                self.pause_until = budget.now + SLOW_PERIOD;
                self.read(&mut budget.buffer[..1])
            }
            Reads::All => self.drain(budget),
        }
    }

    /// Reads what has arrived, up to the bound for one turn.
    fn drain(&mut self, budget: &mut Budget) -> Option<End> {
        for _ in 0..READS_PER_TURN {
            let before = self.tail.received();
            let end = self.read(&mut budget.buffer);
            if end.is_some() || self.tail.received() == before {
                return end;
            }
        }
        None
    }

    /// Reports a broken connection, without reading.
    fn error(&self) -> Option<End> {
        self.stream.take_error().ok().flatten().map(|error| End::of(&error))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Option<End> {
        match self.stream.read(buffer) {
            Ok(0) => Some(self.tail.end()),
            Ok(count) => {
                self.tail.push(&buffer[..count]);
                None
            }
            Err(error) if would_block(&error) => None,
            Err(error) => Some(End::of(&error)),
        }
    }

    fn send(&mut self, behaviour: Behaviour, budget: &mut Budget) -> Option<End> {
        if self.outgoing.is_over() {
            let message = behaviour.flood()?;
            self.outgoing = Outgoing::whole(budget.take_flood(message)?);
        }
        let bytes = self.outgoing.next(budget.now >= self.pause_until);
        if bytes.is_empty() {
            return None;
        }
        match self.stream.write(bytes) {
            Ok(count) => {
                self.outgoing.sent += count;
                if self.outgoing.is_slow() {
                    self.pause_until = budget.now + SLOW_PERIOD;
                }
                None
            }
            Err(error) if would_block(&error) => None,
            // The server may have sent the reason before.
            Err(error) => match self.drain(budget) {
                Some(rejected @ End::Rejected(_)) => Some(rejected),
                _ => Some(End::of(&error)),
            },
        }
    }

    /// Ends the connection, if its kind does that now.
    fn leave(&mut self, kind: Kind, now: Instant) -> Option<End> {
        match kind {
            Kind::Churning => Some(End::Left),
            Kind::Breaking if self.outgoing.is_over() && now >= self.pause_until => {
                // This fails if the connection is broken already.
                SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).ok();
                Some(End::Left)
            }
            _ => None,
        }
    }
}

impl Outgoing {
    /// What a client sends first.
    fn first(behaviour: Behaviour, budget: &mut Budget) -> Self {
        let mut bytes = BytesMut::new();
        if !matches!(behaviour.kind, Kind::Silent | Kind::Churning) {
            encode_frame(budget.fresh_name().as_bytes(), &mut bytes);
        }
        let named = bytes.len();
        match behaviour.kind {
            Kind::Giant => bytes.extend_from_slice(b"9999999999"),
            Kind::Promising => {
                bytes.extend_from_slice(&header(budget.max_message()));
                bytes.extend_from_slice(b"x");
            }
            Kind::Dripping => encode_frame(&[b'.'; DRIPPED_BYTES], &mut bytes),
            Kind::Breaking => {
                encode_frame(&[b'/'; DRIPPED_BYTES], &mut bytes);
                // At any place inside the frame.
                let cut = budget.random_below(bytes.len() - named - 1);
                bytes.truncate(named + 1 + cut);
            }
            _ => {}
        }
        let dripping_from = match behaviour.kind {
            // Every other client sends its name at once and its message one byte at a time.
            Kind::Dripping if behaviour.number.is_multiple_of(2) => 0,
            Kind::Dripping => named,
            _ => bytes.len(),
        };
        Self { bytes: Rc::from(&bytes[..]), sent: 0, dripping_from }
    }

    fn whole(bytes: Rc<[u8]>) -> Self {
        let dripping_from = bytes.len();
        Self { bytes, sent: 0, dripping_from }
    }

    fn is_over(&self) -> bool {
        self.sent == self.bytes.len()
    }

    fn is_slow(&self) -> bool {
        self.sent >= self.dripping_from && !self.is_over()
    }

    /// What to send now: the rest of the bytes sent at once, or one byte if `may_drip`.
    fn next(&self, may_drip: bool) -> &[u8] {
        match self.dripping_from {
            from if self.sent < from => &self.bytes[self.sent..from],
            _ if may_drip && !self.is_over() => &self.bytes[self.sent..=self.sent],
            _ => &[],
        }
    }
}

/// Whether the socket is not ready: it is empty or full, or the connection is not established yet.
fn would_block(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::NotConnected)
}

/// Between two bytes of a client that sends or reads one at a time.
const SLOW_PERIOD: Duration = Duration::from_secs(1);
/// Clients that connect together do not all send or read their first slow byte together.
const SPREAD: Duration = Duration::from_millis(300);
const DRIPPED_BYTES: usize = 100;
const READS_PER_TURN: usize = 4;
