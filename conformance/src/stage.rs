//! The stage of one test: a server, a clock, a hidden witness, and the barriers built on them.

mod barrier;
mod farewell;
mod process;

use std::time::{Duration, Instant};

use protocol::Pair;

pub use self::barrier::Admission;
use self::farewell::Farewell;
use crate::client::{Client, End, Next, Pumped, Text};
use crate::declared::Declared;
use crate::fault::Fault;
use crate::journal::Journal;
use crate::process::ServerProcess;
use crate::target::{Medium, Target};
use crate::token::Tokens;

/// Everything a test needs to talk to one server.
///
/// A client gets in by [`join`](Self::join), which returns when the server is known to relay to it
/// (a barrier), and "nothing else arrives" is proven by [`fence`](Self::fence). [`see_off`](Self::see_off)
/// comes last. Nothing here sleeps: every wait is for an event and has a bound.
pub struct Stage {
    target: Box<dyn Target>,
    journal: Journal,
    tokens: Tokens,
    /// Reads and never speaks; in the room before the first client.
    witness: Option<Client>,
    farewell: Farewell,
    relay: Relay,
    slack: f64,
    /// The longest relay seen while joining.
    relay_time: Duration,
    level: u8,
    paced: bool,
    declared: Declared,
}

/// To whom the server relays what a client says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relay {
    /// To all but the sender.
    #[default]
    Others,
    /// To all.
    Everyone,
    /// To the sender alone.
    Sender,
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
    /// To whom this server relays.
    pub relay: Relay,
    /// What this server declares.
    pub declared: Declared,
}

impl Stage {
    /// An empty stage in front of a server.
    pub fn new(target: Box<dyn Target>, conditions: Conditions) -> Self {
        Self {
            target,
            journal: Journal::begin(),
            tokens: Tokens::new(conditions.seed),
            witness: None,
            farewell: Farewell::default(),
            relay: conditions.relay,
            slack: conditions.slack,
            relay_time: Duration::ZERO,
            level: conditions.level,
            paced: false,
            declared: conditions.declared,
        }
    }

    /// What every client did and saw.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The server.
    pub fn target(&self) -> &dyn Target {
        &*self.target
    }

    /// What the server promises to keep.
    pub fn declared(&self) -> &Declared {
        &self.declared
    }

    /// The server's process.
    ///
    /// # Errors
    ///
    /// It is not one of the suite's own: the test does not apply.
    pub fn process(&self) -> Result<&ServerProcess, Fault> {
        let reason = "only a server that the suite has started can be looked into";
        self.target.process().ok_or_else(|| Fault::Inapplicable(reason.into()))
    }

    /// Whether some cut was only likely, not seen, to reach the server as one.
    pub fn was_paced(&self) -> bool {
        self.paced
    }

    /// How long to wait for something that has to come: far longer than it ever takes here.
    pub fn deadline(&self) -> Duration {
        DEADLINE_MIN.max(self.relay_time * RELAYS_PER_DEADLINE).mul_f64(self.slack)
    }

    /// How long to look at one client while another one may have the answer.
    pub fn look_pace(&self) -> Duration {
        LOOK_PACE
    }

    /// A new connection that has said nothing.
    ///
    /// # Errors
    ///
    /// The server does not accept it.
    pub fn connect(&self, label: &str) -> Result<Client, Fault> {
        let mut wire = self.target.connect().map_err(|error| Fault::connecting(&error))?;
        if self.target.medium() == Medium::Shared {
            wire = self.farewell.keep(wire);
        }
        Ok(Client::new(label, wire, &self.journal, &self.tokens))
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
    ) -> Result<(), Fault> {
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
    pub fn expect_end(&self, client: &mut Client) -> Result<End, Fault> {
        if self.level > 0 {
            return client.expect_end(self.deadline());
        }
        let start = Instant::now();
        while client.end().is_none() && start.elapsed() < self.deadline() {
            if client.pump(POKE_PACE) == Pumped::Nothing {
                // Failing to connect is no poke, and seen by the test's next step.
                drop(self.target.connect());
            }
        }
        client.expect_end(Duration::ZERO)
    }

    /// As [`expect_end`](Self::expect_end), and the end has to be a FIN.
    ///
    /// # Errors
    ///
    /// Something else comes, the connection stays open, or it is reset.
    pub fn expect_orderly_end(&self, client: &mut Client) -> Result<(), Fault> {
        match self.expect_end(client)? {
            End::Eof => Ok(()),
            End::Reset => Err(Fault::broken(format!(
                "{} is reset instead of closed in order",
                client.label()
            ))),
        }
    }

    /// Waits until the server has read what a client sent.
    pub fn settle(&mut self, client: &mut Client) {
        self.paced |= client.settle(self.deadline()) == crate::target::Settled::Paced;
    }

    /// Everything a client receives up to the end of its stream.
    ///
    /// # Errors
    ///
    /// The stream is malformed, or does not end.
    pub fn read_to_end(&self, client: &mut Client) -> Result<Vec<Pair>, Fault> {
        let mut pairs = Vec::new();
        let start = Instant::now();
        loop {
            match client.next(if self.level > 0 { self.deadline() } else { POKE_PACE })? {
                Next::Pair(pair) => pairs.push(pair),
                Next::Ended(_) => return Ok(pairs),
                Next::Silence if start.elapsed() > self.deadline() => {
                    return Err(Fault::broken(format!("{} is not closed", client.label())));
                }
                // As in `expect_end`.
                Next::Silence => drop(self.target.connect()),
            }
        }
    }

    /// Finds out, before anybody joins, whether the server can be ended and started again.
    ///
    /// # Errors
    ///
    /// It cannot: the test does not apply.
    pub fn require_restart(&self) -> Result<(), Fault> {
        let obstacle = self.target.restart_obstacle();
        obstacle.map_or(Ok(()), |reason| Err(Fault::Inapplicable(reason.into())))
    }

    /// Ends the server and starts it again at the same place.
    ///
    /// # Errors
    ///
    /// It does not come up again.
    pub fn restart(&mut self) -> Result<(), Fault> {
        self.witness = None;
        self.target.restart().map_err(|error| Fault::broken(error.to_string()))
    }
}

/// Generous for a loaded machine, short enough to wait for when a server is broken.
const DEADLINE_MIN: Duration = Duration::from_secs(2);
const RELAYS_PER_DEADLINE: u32 = 200;
/// Between looking at one client and the other.
const LOOK_PACE: Duration = Duration::from_millis(5);
/// How long a server at level 0 may think before it is given another event.
const POKE_PACE: Duration = Duration::from_millis(5);
