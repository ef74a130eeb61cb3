//! Attack: one kind of hostile clients against one server, from the first connection to the last trace.

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
    /// Without any hostile client about.
    #[error("before the siege began: {0}")]
    Join(#[from] LoadError),
    #[error("the clients' poll: {0}")]
    Poll(#[from] io::Error),
    #[error("interrupted")]
    Interrupted,
}

/// Besieges a fresh server.
///
/// # Errors
///
/// It did not start, or could not be joined by the honest clients alone; or the run was interrupted.
pub(super) fn run(
    server: &ServerSource,
    kind: Kind,
    args: &SiegeArgs,
    interruption: &Interruption,
) -> Result<Outcome, AttackError> {
    let server = server.start()?;
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
    let arrived = attack.go_on(ARRIVE_WITHIN, HostileClients::has_come)?;
    attack.go_on(args.lasting(), |_| false)?;
    attack.withdraw()?;
    attack.settle()?;
    // A fence: had the last delivery been duplicated, the copy would come before this.
    (0..attack.honest.len()).for_each(|speaker| attack.honest.send(speaker));
    attack.settle()?;
    let leftover = attack.await_traces(before)?;
    let mut outcome = Outcome::of(&attack.honest, &attack.hostile, &attack.schedule);
    outcome.measure(&server, before);
    if !arrived {
        outcome.doubts.push("not all hostile clients could come".into());
    }
    outcome.harms.extend(leftover);
    outcome.harms.extend(strangers_talk(&server).err());
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
    /// Lets both sides go on for this time, or until the hostile clients are done; tells whether it was.
    fn go_on(
        &mut self,
        time: Duration,
        is_done: impl Fn(&HostileClients) -> bool,
    ) -> Result<bool, AttackError> {
        let start = Instant::now();
        while start.elapsed() < time && self.server.death().is_none() {
            if is_done(&self.hostile) {
                return Ok(true);
            }
            self.hostile.turn(Instant::now());
            self.speak_and_listen()?;
        }
        Ok(is_done(&self.hostile))
    }

    /// Has the hostile clients leave while the honest ones go on talking.
    fn withdraw(&mut self) -> Result<(), AttackError> {
        while !self.hostile.leave(Instant::now()) {
            self.speak_and_listen()?;
        }
        Ok(())
    }

    fn speak_and_listen(&mut self) -> Result<(), AttackError> {
        self.schedule.speak(&mut self.honest, Instant::now());
        self.listen(TURN)
    }

    /// Waits until the honest clients have heard all that they said, or nothing more comes.
    fn settle(&mut self) -> Result<(), AttackError> {
        let start = Instant::now();
        while !self.honest.is_settled() && self.server.death().is_none() {
            if start.elapsed().min(self.honest.silence()) > STALL {
                return Ok(());
            }
            self.listen(PAUSE)?;
        }
        Ok(())
    }

    /// Waits until the server holds no more descriptors and threads than before; tells what is left.
    fn await_traces(&mut self, before: Option<Usage>) -> Result<Option<String>, AttackError> {
        let Some(before) = before else { return Ok(None) };
        let start = Instant::now();
        // A server that ended is told of elsewhere.
        while let Some(now) = self.server.usage() {
            if now.threads <= before.threads && now.descriptors <= before.descriptors {
                return Ok(None);
            }
            if start.elapsed() > TRACES_GONE_WITHIN {
                return Ok(Some(format!(
                    "when all had left, {} descriptors and {} threads stayed, of {} and {} before",
                    now.descriptors, now.threads, before.descriptors, before.threads
                )));
            }
            self.listen(PAUSE)?;
        }
        Ok(None)
    }

    fn listen(&mut self, within: Duration) -> Result<(), AttackError> {
        if self.interruption.has_come() {
            return Err(AttackError::Interrupted);
        }
        Ok(self.honest.receive(within)?)
    }
}

/// Whether clients that come after it all can talk.
fn strangers_talk(server: &Server) -> Result<(), String> {
    let talked = Churn::join(server.addr).and_then(|mut churn| churn.run(STRANGERS));
    talked.map(|_| ()).map_err(|error| format!("afterwards, strangers could not talk: {error}"))
}

/// Bytes of what the honest clients say.
const MESSAGE_BYTES: usize = 64;
/// How long the clients' poll may take while there is something to do besides.
const TURN: Duration = Duration::from_millis(1);
/// The same while there is not.
const PAUSE: Duration = Duration::from_millis(20);
const ARRIVE_WITHIN: Duration = Duration::from_mins(1);
/// What does not come within this is lost.
const STALL: Duration = Duration::from_secs(10);
/// Longer than any server gives to those whom it refuses.
const TRACES_GONE_WITHIN: Duration = Duration::from_secs(15);
const STRANGERS: u64 = 3;
