//! The fixture of one test: a server, a clock, a hidden witness, and the barriers built on them.

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
use crate::target::{Declared, Medium, Target};

/// Everything a test needs to talk to one server.
///
/// A client gets in by [`join`](Self::join), which returns when the server is known to relay to it
/// (a barrier), and "nothing else arrives" is proven by [`fence`](Self::fence). [`drain`](Self::drain)
/// comes last. Nothing here sleeps: every wait is for an event and has a bound.
pub struct Fixture {
    server: Box<dyn Target>,
    transcript: Transcript,
    tokens: Tokens,
    /// Reads and never speaks; in the room before the first client. With extensions there is none: the
    /// server's greeting says that a client is in, and nobody unseen is counted by `/who`.
    witness: Option<Client>,
    connections: Connections,
    relay: Relay,
    mode: Mode,
    slack: f64,
    /// The longest relay seen while joining.
    relay_time: Duration,
    level: u8,
    asked: u8,
    seed: u64,
    assumed_reads: bool,
    declared: Declared,
}

/// How a test is to be run.
#[derive(Clone, Debug)]
pub struct Conditions {
    /// What chance is drawn from.
    pub seed: u64,
    /// Factor on every deadline.
    pub slack: f64,
    /// The level of the rule under test.
    pub level: u8,
    /// The highest level asked for.
    pub asked: u8,
    /// To whom this server relays.
    pub relay: Relay,
    /// Whether it speaks of itself.
    pub mode: Mode,
    /// What this server declares.
    pub declared: Declared,
}

impl Fixture {
    /// An empty fixture in front of a server.
    pub fn new(server: Box<dyn Target>, conditions: Conditions) -> Self {
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

    /// What every client did and saw.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The server.
    pub fn server(&self) -> &dyn Target {
        &*self.server
    }

    /// Whether the server speaks of itself.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What the server promises to keep.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// Whether some cut was only likely, not seen, to reach the server as one.
    pub fn has_assumed_reads(&self) -> bool {
        self.assumed_reads
    }

    /// The highest level asked for: how far to try a rule that grows with the level.
    pub fn asked_level(&self) -> u8 {
        self.asked
    }

    /// What chance is drawn from.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How long to wait for something that has to come: far longer than it ever takes here.
    pub fn deadline(&self) -> Duration {
        DEADLINE_MIN.max(self.relay_time * RELAYS_PER_DEADLINE).mul_f64(self.slack)
    }

    /// How long to look at one client while another one may have the answer.
    pub fn look_interval(&self) -> Duration {
        LOOK_INTERVAL
    }

    /// A new connection that has said nothing.
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

    /// `from` says something, and everyone in `to` receives it next.
    ///
    /// # Errors
    ///
    /// Somebody does not.
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

    /// Waits for a client's connection to end, with nothing before that.
    ///
    /// At level 0 a server may need some other event before it closes: it gets one.
    ///
    /// # Errors
    ///
    /// Something else comes, or the connection stays open.
    pub fn expect_end(&self, client: &mut Client) -> Result<End, TestError> {
        if self.level > 0 {
            return client.expect_end(self.deadline());
        }
        let start = Instant::now();
        while client.end().is_none() && start.elapsed() < self.deadline() {
            if client.read_once(POKE_INTERVAL) == Progress::None {
                // Failing to connect is no poke, and seen by the test's next step.
                drop(self.server.connect());
            }
        }
        client.expect_end(Duration::ZERO)
    }

    /// As [`expect_end`](Self::expect_end), and the end has to be a FIN.
    ///
    /// # Errors
    ///
    /// Something else comes, the connection stays open, or it is reset.
    pub fn expect_orderly_end(&self, client: &mut Client) -> Result<(), TestError> {
        match self.expect_end(client)? {
            End::Eof => Ok(()),
            End::Reset => Err(TestError::broken(format!(
                "{} is reset instead of closed in order",
                client.label()
            ))),
        }
    }

    /// Waits until the server has read what a client sent. One that once did not, or cannot be seen to,
    /// gets no more than a moment from then on.
    pub fn await_read(&mut self, client: &mut Client) {
        let within = if self.assumed_reads { Duration::ZERO } else { self.deadline() };
        self.assumed_reads |= client.await_read(within) == crate::target::Evidence::Assumed;
    }

    /// Everything a client receives up to the end of its stream.
    ///
    /// # Errors
    ///
    /// The stream is malformed, or does not end.
    pub fn read_to_end(&self, client: &mut Client) -> Result<Vec<Pair>, TestError> {
        let mut pairs = Vec::new();
        let start = Instant::now();
        loop {
            match client.next(if self.level > 0 { self.deadline() } else { POKE_INTERVAL })? {
                Next::Pair(pair) => pairs.push(pair),
                Next::Ended(_) => return Ok(pairs),
                Next::Silence if start.elapsed() > self.deadline() => {
                    return Err(TestError::broken(format!("{} is not closed", client.label())));
                }
                // As in `expect_end`.
                Next::Silence => drop(self.server.connect()),
            }
        }
    }
}

/// Generous for a loaded machine, short enough to wait for when a server is broken.
const DEADLINE_MIN: Duration = Duration::from_secs(2);
const RELAYS_PER_DEADLINE: u32 = 200;
/// Between looking at one client and the other.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);
/// How long a server at level 0 may think before it is given another event.
const POKE_INTERVAL: Duration = Duration::from_millis(5);
