//! Assault: one kind of hostile clients against one server, from the first connection to the last trace.

use std::io;
use std::time::{Duration, Instant};

use load::measure::Usage;
use load::{Churn, LoadError};
use thiserror::Error;

use super::args::SiegeArgs;
use super::honest_clients::Honest;
use super::hostile_clients::Fleet;
use super::kind::Kind;
use super::outcome::Outcome;
use super::send_schedule::Voice;
use super::server::{Besieged, Ground};
use crate::process::StartError;
use crate::support::interrupt::Interruption;

/// Why an assault has no outcome.
#[derive(Debug, Error)]
pub(super) enum AssaultError {
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
    server: &Besieged,
    kind: Kind,
    args: &SiegeArgs,
    interruption: &Interruption,
) -> Result<Outcome, AssaultError> {
    let ground = server.start()?;
    let honest = Honest::join(ground.addr, args.honest(), MESSAGE_BYTES)?;
    let before = ground.usage();
    let now = Instant::now();
    let audience = honest.len() + Fleet::audience(kind, args.hostile());
    let rates = args.rates(audience);
    let mut assault = Assault {
        voice: Voice::new(args.rate, now),
        fleet: Fleet::new(kind, args.hostile(), ground.addr, rates, args.seed, now),
        honest,
        interruption,
        ground: &ground,
    };
    let arrived = assault.go_on(ARRIVE_WITHIN, Fleet::has_come)?;
    assault.go_on(args.lasting(), |_| false)?;
    assault.withdraw()?;
    assault.settle()?;
    // A fence: had the last delivery been doubled, the copy would come before this.
    (0..assault.honest.len()).for_each(|speaker| assault.honest.say(speaker));
    assault.settle()?;
    let leftover = assault.await_traces(before)?;
    let mut outcome = Outcome::of(&assault.honest, &assault.fleet, &assault.voice);
    outcome.measure(&ground, before);
    if !arrived {
        outcome.doubts.push("not all hostile clients could come".into());
    }
    outcome.harms.extend(leftover);
    outcome.harms.extend(strangers_talk(&ground).err());
    Ok(outcome)
}

struct Assault<'a> {
    honest: Honest,
    voice: Voice,
    fleet: Fleet,
    interruption: &'a Interruption,
    ground: &'a Ground,
}

impl Assault<'_> {
    /// Lets both sides go on for this time, or until the fleet is done; tells whether it was.
    fn go_on(
        &mut self,
        time: Duration,
        is_done: impl Fn(&Fleet) -> bool,
    ) -> Result<bool, AssaultError> {
        let start = Instant::now();
        while start.elapsed() < time && self.ground.death().is_none() {
            if is_done(&self.fleet) {
                return Ok(true);
            }
            self.fleet.turn(Instant::now());
            self.speak_and_listen()?;
        }
        Ok(is_done(&self.fleet))
    }

    /// Has the hostile clients leave while the honest ones go on talking.
    fn withdraw(&mut self) -> Result<(), AssaultError> {
        while !self.fleet.leave(Instant::now()) {
            self.speak_and_listen()?;
        }
        Ok(())
    }

    fn speak_and_listen(&mut self) -> Result<(), AssaultError> {
        self.voice.speak(&mut self.honest, Instant::now());
        self.listen(TURN)
    }

    /// Waits until the honest clients have heard all that they said, or nothing more comes.
    fn settle(&mut self) -> Result<(), AssaultError> {
        let start = Instant::now();
        while !self.honest.is_settled() && self.ground.death().is_none() {
            if start.elapsed().min(self.honest.silence()) > STALL {
                return Ok(());
            }
            self.listen(PAUSE)?;
        }
        Ok(())
    }

    /// Waits until the server holds no more descriptors and threads than before; tells what is left.
    fn await_traces(&mut self, before: Option<Usage>) -> Result<Option<String>, AssaultError> {
        let Some(before) = before else { return Ok(None) };
        let start = Instant::now();
        // A server that ended is told of elsewhere.
        while let Some(now) = self.ground.usage() {
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

    fn listen(&mut self, within: Duration) -> Result<(), AssaultError> {
        if self.interruption.has_come() {
            return Err(AssaultError::Interrupted);
        }
        Ok(self.honest.listen(within)?)
    }
}

/// Whether clients that come after it all can talk.
fn strangers_talk(ground: &Ground) -> Result<(), String> {
    let talked = Churn::join(ground.addr).and_then(|mut churn| churn.run(STRANGERS));
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
