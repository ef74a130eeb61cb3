//! Exhaustion: servers without descriptors, threads or memory maps.
//!
//! Each trial takes from a server process the last of a resource, observes it for five seconds
//! (SPEC RES-01, RES-02), gives some of the resource back, and measures how soon the next client is
//! admitted (RES-03). A trial whose requirements this machine does not meet is listed as ignored,
//! with the reason.

#[path = "common/child.rs"]
mod child;
#[path = "exhaustion/crowd.rs"]
mod crowd;
#[path = "exhaustion/descriptors.rs"]
mod descriptors;
#[path = "exhaustion/resources.rs"]
mod resources;
#[path = "exhaustion/threads.rs"]
mod threads;
#[path = "exhaustion/window.rs"]
mod window;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use conformance::suite::fixture::{Admission, Fixture};
use conformance::target::Model;
use libtest_mimic::{Arguments, Failed, Trial};
use server_core::listen::ACCEPT_BACKOFF;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The trials mostly wait.
    arguments.test_threads.get_or_insert(AT_ONCE);
    // If it cannot be raised, there are fewer connections, which the trials print.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    let mut trials = vec![trial("accept_backoff", None, check_backoff)];
    let linux = (!cfg!(target_os = "linux")).then(|| "needs Linux".to_owned());
    for model in Model::ALL {
        for limit in [32, 256] {
            let mut add = |name: &str, run: fn(Model, u64) -> Result<(), Failed>| {
                let name = format!("{model}::{name}_{limit}");
                trials.push(trial(&name, linux.clone(), move || run(model, limit)));
            };
            add("started_with", descriptors::started_with);
            add("lowered_to", descriptors::lowered_to);
        }
    }
    let obstacle = linux.clone().or_else(threads::obstacle);
    trials.push(trial("threaded::out_of_threads", obstacle, threads::out_of_threads));
    let obstacle = linux.or_else(crowd::obstacle);
    trials.push(trial("threaded::crowd", obstacle, crowd::seventeen_thousand));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A trial; with an obstacle it is listed as ignored, with its reason.
fn trial(
    name: &str,
    obstacle: Option<String>,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let ignored = obstacle.is_some();
    Trial::test(name, run).with_kind(obstacle.unwrap_or_default()).with_ignored_flag(ignored)
}

/// Checks that the listener's pause after a failed accept leaves enough of the time to recover.
fn check_backoff() -> Result<(), Failed> {
    if ACCEPT_BACKOFF * 4 <= RECOVERY_MAX {
        return Ok(());
    }
    let most = RECOVERY_MAX / 4;
    Err(format!("an accept backoff of at most {most:?} expected, got {ACCEPT_BACKOFF:?}").into())
}

/// Connects again and again until a client is admitted, and returns the time since `relief`.
fn recover(stage: &mut Fixture, relief: Instant) -> Result<Duration, Failed> {
    while relief.elapsed() < RECOVERY_MAX * SLACK {
        let mut newcomer = stage.connect("newcomer")?;
        // The server may have rejected it already.
        if newcomer.say(b"newcomer").is_ok() && stage.try_admit(&mut newcomer)? == Admission::In {
            return Ok(relief.elapsed());
        }
    }
    Err(format!("a newcomer admitted within {:?} expected", RECOVERY_MAX * SLACK).into())
}

const AT_ONCE: usize = 16;
const RECOVERY_MAX: Duration = Duration::from_millis(250);
/// For a slow machine.
const SLACK: u32 = 4;
