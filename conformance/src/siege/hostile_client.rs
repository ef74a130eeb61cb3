//! Hostile client: one client that means no good, and what it does each time it has its turn.

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

/// One hostile client, whether it is connected now or not.
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
    /// When it does again what it does slowly.
    pause_until: Instant,
    tail: Tail,
}

/// What is being said.
#[derive(Debug)]
struct Outgoing {
    bytes: Rc<[u8]>,
    /// How much of it has been sent.
    sent: usize,
    /// From here on, one byte at a time.
    dripping_from: usize,
}

impl HostileClient {
    pub(super) fn new(behaviour: Behaviour) -> Self {
        Self { behaviour, connection: None }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Does what its kind does; tells how its connection ended, if it did now.
    pub(super) fn act(&mut self, budget: &mut Budget) -> Option<End> {
        let Some(connection) = &mut self.connection else { return self.come(budget) };
        let end = connection
            .listen(self.behaviour.reads(), budget)
            .or_else(|| connection.speak(self.behaviour, budget))
            .or_else(|| connection.part(self.behaviour.kind, budget.now));
        if end.is_some() {
            self.connection = None;
        }
        end
    }

    /// Leaves for good; tells how the connection had ended, if it stood no more.
    pub(super) fn leave(&mut self, budget: &mut Budget) -> Option<End> {
        let mut connection = self.connection.take()?;
        Some(connection.drain(budget).unwrap_or(End::Open))
    }

    fn come(&mut self, budget: &mut Budget) -> Option<End> {
        if !budget.take_connection() {
            return None;
        }
        match budget.connect(self.behaviour.line()) {
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
    fn listen(&mut self, reads: Reads, budget: &mut Budget) -> Option<End> {
        match reads {
            Reads::Nothing => self.look(),
            Reads::OneBytePerSecond if budget.now < self.pause_until => self.look(),
            Reads::OneBytePerSecond => {
                self.pause_until = budget.now + SLOW_PERIOD;
                self.read(&mut budget.buffer[..1])
            }
            Reads::All => self.drain(budget),
        }
    }

    /// Reads what there is, within reason: there may be more than a turn allows.
    fn drain(&mut self, budget: &mut Budget) -> Option<End> {
        for _ in 0..READS_PER_TURN {
            let before = self.tail.heard();
            let end = self.read(&mut budget.buffer);
            if end.is_some() || self.tail.heard() == before {
                return end;
            }
        }
        None
    }

    /// Looks whether the connection still stands, without reading.
    fn look(&self) -> Option<End> {
        self.stream.take_error().ok().flatten().map(|error| End::of(&error))
    }

    fn read(&mut self, buffer: &mut [u8]) -> Option<End> {
        match self.stream.read(buffer) {
            Ok(0) => Some(self.tail.end()),
            Ok(count) => {
                self.tail.hear(&buffer[..count]);
                None
            }
            Err(error) if must_wait(&error) => None,
            Err(error) => Some(End::of(&error)),
        }
    }

    fn speak(&mut self, behaviour: Behaviour, budget: &mut Budget) -> Option<End> {
        if self.outgoing.is_over() {
            let flood = behaviour.flood()?;
            self.outgoing = Outgoing::whole(budget.flood(flood)?);
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
            Err(error) if must_wait(&error) => None,
            // What the server said before may explain it.
            Err(error) => match self.drain(budget) {
                Some(refused @ End::Rejected(_)) => Some(refused),
                _ => Some(End::of(&error)),
            },
        }
    }

    /// Ends the connection if that is what its kind does.
    fn part(&mut self, kind: Kind, now: Instant) -> Option<End> {
        match kind {
            Kind::Churning => Some(End::Left),
            Kind::Breaking if self.outgoing.is_over() && now >= self.pause_until => {
                // Where this fails the connection is broken already.
                SockRef::from(&self.stream).set_linger(Some(Duration::ZERO)).ok();
                Some(End::Left)
            }
            _ => None,
        }
    }
}

impl Outgoing {
    /// What a client says when it has just connected.
    fn first(behaviour: Behaviour, budget: &mut Budget) -> Self {
        let mut bytes = BytesMut::new();
        if !matches!(behaviour.kind, Kind::Silent | Kind::Churning) {
            encode_frame(budget.name().as_bytes(), &mut bytes);
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
                // Anywhere but at its end.
                let cut = budget.random_below(bytes.len() - named - 1);
                bytes.truncate(named + 1 + cut);
            }
            _ => {}
        }
        let dripping_from = match behaviour.kind {
            // Every other one drips its message.
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

    /// What is to be sent now: all that is said at once, or, if its time has come, one byte.
    fn next(&self, drips_now: bool) -> &[u8] {
        match self.dripping_from {
            from if self.sent < from => &self.bytes[self.sent..from],
            _ if drips_now && !self.is_over() => &self.bytes[self.sent..=self.sent],
            _ => &[],
        }
    }
}

/// Whether it is just not the time: nothing is there, or the connection does not stand yet.
fn must_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted | ErrorKind::NotConnected)
}

/// Between two bytes of those who drip or read one at a time.
const SLOW_PERIOD: Duration = Duration::from_secs(1);
/// Clients that come together do not all do their first slow thing together.
const SPREAD: Duration = Duration::from_millis(300);
const DRIPPED_BYTES: usize = 100;
const READS_PER_TURN: usize = 4;
