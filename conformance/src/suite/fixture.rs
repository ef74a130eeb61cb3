//! Fixture: the server of one test, its deadlines, a hidden witness, and the barriers built on
//! them.

mod barrier;
mod connections;
mod drain;
mod process;

use std::time::{Duration, Instant};

use protocol::Pair;

pub use self::barrier::Admission;
use self::connections::Connections;
use super::client::{Client, End, Next, Progress, Text};
use super::error::TestError;
use super::transcript::Transcript;
use crate::spec::{Mode, Relay};
use crate::support::token::Tokens;
use crate::target::{Declared, Instance, Medium};

/// Everything that a test needs to talk to one server.
///
/// A test calls [`join`](Self::join) for every client; it returns when the client is known to be in
/// the room (a barrier). [`fence`](Self::fence) shows that nothing else is in flight. The runner
/// calls [`drain`](Self::drain) last. Nothing here sleeps: every wait is for an event and has a
/// bound.
pub struct Fixture {
    server: Box<dyn Instance>,
    transcript: Transcript,
    tokens: Tokens,
    /// A hidden member that joins before the first client, only reads, and shows that others are in
    /// the room. With extensions there is none: the server's greeting shows that a client is in the
    /// room, and
    /// `/who` would list the witness.
    witness: Option<Client>,
    connections: Connections,
    relay: Relay,
    mode: Mode,
    slack: f64,
    /// The longest time from sending a message to its relay that was seen while joining.
    relay_time: Duration,
    level: u8,
    asked: u8,
    seed: u64,
    assumed_reads: bool,
    declared: Declared,
}

/// The parameters of one test.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// The seed of every random choice.
    pub seed: u64,
    /// A factor that multiplies every deadline.
    pub slack: f64,
    /// The level of the rule under test.
    pub level: u8,
    /// The highest level that was requested.
    pub asked: u8,
    /// To which members this server relays a message.
    pub relay: Relay,
    /// Whether its extensions are on.
    pub mode: Mode,
    /// What this server declares.
    pub declared: Declared,
}

impl Fixture {
    /// A fixture for a fresh server, with no client yet.
    pub fn new(server: Box<dyn Instance>, conditions: Conditions) -> Self {
        Self {
            server,
            transcript: Transcript::start(),
            tokens: Tokens::new(conditions.seed),
            witness: None,
            connections: Connections::default(),
            relay: conditions.relay,
            mode: conditions.mode,
            slack: conditions.slack,
            relay_time: Duration::ZERO,
            level: conditions.level,
            asked: conditions.asked,
            seed: conditions.seed,
            assumed_reads: false,
            declared: conditions.declared,
        }
    }

    /// What every client sent and received.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The server.
    pub fn server(&self) -> &dyn Instance {
        &*self.server
    }

    /// Whether the server's extensions are on.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The limits and policies that the server declares.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// Whether the suite once had to assume that the server had read everything before the next
    /// write.
    pub fn has_assumed_reads(&self) -> bool {
        self.assumed_reads
    }

    /// The highest level that was requested. Some rules require more at a higher level.
    pub fn asked_level(&self) -> u8 {
        self.asked
    }

    /// The seed of every random choice.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How long to wait for something that has to happen: far longer than it takes on this machine.
    pub fn deadline(&self) -> Duration {
        DEADLINE_MIN.max(self.relay_time * RELAYS_PER_DEADLINE).mul_f64(self.slack)
    }

    /// How long to wait for one client before looking at another one.
    pub fn look_interval(&self) -> Duration {
        LOOK_INTERVAL
    }

    /// A new connection on which nothing has been sent.
    ///
    /// # Errors
    ///
    /// The server does not accept it.
    pub fn connect(&self, label: &str) -> Result<Client, TestError> {
        let mut wire = self.server.connect().map_err(|error| TestError::connecting(&error))?;
        if self.server.medium() == Medium::Shared {
            wire = self.connections.share(wire);
        }
        Ok(Client::new(label, wire, &self.transcript, &self.tokens))
    }

    /// `from` sends a message, and it is the next pair that each client in `to` receives.
    ///
    /// # Errors
    ///
    /// A client in `to` receives something else or nothing, or the server does not take the
    /// message.
    pub fn relay(
        &self,
        from: &mut Client,
        text: &[u8],
        to: &mut [&mut Client],
    ) -> Result<(), TestError> {
        from.say(text)?;
        let name = from.name().unwrap_or_default().to_vec();
        for client in to {
            client.expect(&name, Text::Exactly(text), self.deadline())?;
        }
        Ok(())
    }

    /// Waits until the server ends a client's connection; the client may receive nothing before
    /// that.
    ///
    /// A level-0 server may close only at its next event, so it gets one: a new connection.
    ///
    /// # Errors
    ///
    /// The client receives something, or the connection stays open.
    pub fn expect_end(&self, client: &mut Client) -> Result<End, TestError> {
        if self.level > 0 {
            return client.expect_end(self.deadline());
        }
        let start = Instant::now();
        while client.end().is_none() && start.elapsed() < self.deadline() {
            if client.read_once(POKE_INTERVAL) == Progress::None {
                // An attempt that fails is reported by the test's next step.
                drop(self.server.connect());
            }
        }
        client.expect_end(Duration::ZERO)
    }

    /// Like [`expect_end`](Self::expect_end), and the end has to be a FIN.
    ///
    /// # Errors
    ///
    /// The client receives something, or the connection stays open or is reset.
    pub fn expect_orderly_end(&self, client: &mut Client) -> Result<(), TestError> {
        match self.expect_end(client)? {
            End::Eof => Ok(()),
            End::Reset => Err(TestError::broken(format!(
                "the server reset {}'s connection instead of closing it with a FIN",
                client.label()
            ))),
        }
    }

    /// Waits until the server has read what a client sent. If it once did not, or if this system
    /// does not show it, later calls wait only for a moment.
    pub fn await_read(&mut self, client: &mut Client) {
        let within = if self.assumed_reads { Duration::ZERO } else { self.deadline() };
        self.assumed_reads |= client.await_read(within) == crate::target::Evidence::Assumed;
    }

    /// Everything that a client receives up to the end of its connection.
    ///
    /// # Errors
    ///
    /// The bytes are not whole pairs, or the connection does not end.
    pub fn read_to_end(&self, client: &mut Client) -> Result<Vec<Pair>, TestError> {
        let mut pairs = Vec::new();
        let start = Instant::now();
        loop {
            match client.next(if self.level > 0 { self.deadline() } else { POKE_INTERVAL })? {
                Next::Pair(pair) => pairs.push(pair),
                Next::Ended(_) => return Ok(pairs),
                Next::Silence if start.elapsed() > self.deadline() => {
                    return Err(client.not_ended());
                }
                // As in `expect_end`.
                Next::Silence => drop(self.server.connect()),
            }
        }
    }
}

/// Enough for a busy machine, and short enough to wait for when a server is broken.
const DEADLINE_MIN: Duration = Duration::from_secs(2);
const RELAYS_PER_DEADLINE: u32 = 200;
/// Time spent on one client before the test looks at another.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How long a level-0 server may take before it gets another event.
const POKE_INTERVAL: Duration = Duration::from_millis(5);
