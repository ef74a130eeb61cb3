//! Attack: one kind of hostile clients against one server, from the first connection to the last
//! resource released.

use std::io;
use std::time::{Duration, Instant};

use load::measure::Usage;
use load::{Churn, LoadError};
use thiserror::Error;

use super::args::SiegeArgs;
use super::honest_clients::HonestClients;
use super::hostile_clients::HostileClients;
use super::kind::Kind;
use super::outcome::Outcome;
use super::send_schedule::SendSchedule;
use super::server::{Server, ServerSource};
use crate::process::StartError;
use crate::support::interrupt::Interruption;

/// Why an attack has no outcome.
#[derive(Debug, Error)]
pub(super) enum AttackError {
    #[error("{0}")]
    Start(#[from] StartError),
    /// The honest clients could not join, before any hostile client connected.
    #[error("before the hostile clients connected: {0}")]
    Join(#[from] LoadError),
    #[error("the clients' poll: {0}")]
    Poll(#[from] io::Error),
    #[error("interrupted")]
    Interrupted,
}

/// Starts a server and attacks it.
///
/// # Errors
///
/// It did not start, the honest clients could not join it, or the run was interrupted.
pub(super) fn run(
    source: &ServerSource,
    kind: Kind,
    args: &SiegeArgs,
    interruption: &Interruption,
) -> Result<Outcome, AttackError> {
    let server = source.start()?;
    let honest = HonestClients::join(server.addr, args.honest(), MESSAGE_BYTES)?;
    let before = server.usage();
    let now = Instant::now();
    let audience = honest.len() + HostileClients::audience(kind, args.hostile());
    let rates = args.rates(audience);
    let mut attack = Attack {
        schedule: SendSchedule::new(args.rate, now),
        hostile: HostileClients::new(kind, args.hostile(), server.addr, rates, args.seed, now),
        honest,
        interruption,
        server: &server,
    };
    let have_connected = attack.run(CONNECT_WITHIN, HostileClients::have_connected)?;
    attack.run(args.lasting(), |_| false)?;
    attack.withdraw()?;
    attack.settle()?;
    // A fence: a duplicate of the last delivery would come before these messages.
    (0..attack.honest.len()).for_each(|client| attack.honest.send(client));
    attack.settle()?;
    let leftover = attack.await_release(before)?;
    let mut outcome = Outcome::of(&attack.honest, &attack.hostile, &attack.schedule);
    outcome.measure(&server, before);
    if !have_connected {
        outcome.doubts.push("not all hostile clients could connect".into());
    }
    outcome.harms.extend(leftover);
    outcome.harms.extend(newcomers_talk(&server).err());
    Ok(outcome)
}

struct Attack<'a> {
    honest: HonestClients,
    schedule: SendSchedule,
    hostile: HostileClients,
    interruption: &'a Interruption,
    server: &'a Server,
}

impl Attack<'_> {
    /// Runs all clients for this time, or until `is_done`; returns whether it was.
    fn run(
        &mut self,
        time: Duration,
        is_done: impl Fn(&HostileClients) -> bool,
    ) -> Result<bool, AttackError> {
        let start = Instant::now();
        while start.elapsed() < time && self.server.end().is_none() {
            if is_done(&self.hostile) {
                return Ok(true);
            }
            self.hostile.turn(Instant::now());
            self.send_and_receive()?;
        }
        Ok(is_done(&self.hostile))
    }

    /// Disconnects the hostile clients while the honest ones go on sending.
    fn withdraw(&mut self) -> Result<(), AttackError> {
        while !self.hostile.leave(Instant::now()) {
            self.send_and_receive()?;
        }
        Ok(())
    }

    fn send_and_receive(&mut self) -> Result<(), AttackError> {
        self.schedule.send_due(&mut self.honest, Instant::now());
        self.receive(TURN)
    }

    /// Waits until the honest clients have received everything they sent, or nothing more comes.
    fn settle(&mut self) -> Result<(), AttackError> {
        let start = Instant::now();
        while !self.honest.is_settled() && self.server.end().is_none() {
            if start.elapsed().min(self.honest.silence()) > STALL {
                return Ok(());
            }
            self.receive(PAUSE)?;
        }
        Ok(())
    }

    /// Waits until the server holds no more descriptors and threads than before; returns what it
    /// still holds too many.
    fn await_release(&mut self, before: Option<Usage>) -> Result<Option<String>, AttackError> {
        let Some(before) = before else { return Ok(None) };
        let start = Instant::now();
        // The end of a server is reported elsewhere.
        while let Some(now) = self.server.usage() {
            if now.threads <= before.threads && now.descriptors <= before.descriptors {
                return Ok(None);
            }
            if start.elapsed() > RELEASED_WITHIN {
                return Ok(Some(format!(
                    "after all had left, the server held {} descriptors and {} threads; before, {} and {}",
                    now.descriptors, now.threads, before.descriptors, before.threads
                )));
            }
            self.receive(PAUSE)?;
        }
        Ok(None)
    }

    fn receive(&mut self, within: Duration) -> Result<(), AttackError> {
        if self.interruption.has_come() {
            return Err(AttackError::Interrupted);
        }
        Ok(self.honest.receive(within)?)
    }
}

/// Whether new clients can join and talk afterwards.
fn newcomers_talk(server: &Server) -> Result<(), String> {
    let talked = Churn::join(server.addr).and_then(|mut churn| churn.run(NEWCOMERS));
    talked.map(|_| ()).map_err(|error| format!("new clients could not talk afterwards: {error}"))
}

/// Bytes of an honest message.
const MESSAGE_BYTES: usize = 64;
/// How long the poll of the honest clients may take while the hostile ones have turns.
const TURN: Duration = Duration::from_millis(1);
/// The same while they have none.
const PAUSE: Duration = Duration::from_millis(20);
const CONNECT_WITHIN: Duration = Duration::from_mins(1);
/// A message that does not come within this time is lost.
const STALL: Duration = Duration::from_secs(10);
/// Longer than any server lingers with a client that it rejects.
const RELEASED_WITHIN: Duration = Duration::from_secs(15);
const NEWCOMERS: u64 = 3;
