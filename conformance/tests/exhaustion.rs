//! Out of everything: descriptors, threads and memory maps, for each server as a process of its own.
//!
//! Each trial brings a server to where the machine gives it nothing more, looks at it for five seconds
//! (SPEC RES-01, RES-02), gives it something back and measures how soon the next client is in (RES-03).
//! A trial that this machine does not allow is listed as ignored, with its reason.

#[path = "exhaustion/child.rs"]
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
use server_core::socket::ACCEPT_BACKOFF;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They hardly do anything but wait.
    arguments.test_threads.get_or_insert(AT_ONCE);
    // Without it there are fewer connections, which the trials tell.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    let mut trials = vec![trial("rest", None, check_rest)];
    let linux = (!cfg!(target_os = "linux")).then(|| "takes Linux".to_owned());
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

/// What bounds the time to recover is how long a listener rests; the rest is the machine's business.
fn check_rest() -> Result<(), Failed> {
    if ACCEPT_BACKOFF * 4 <= RECOVERY_MAX {
        return Ok(());
    }
    Err(format!("a rest of at most {:?} expected, got {ACCEPT_BACKOFF:?}", RECOVERY_MAX / 4).into())
}

/// Comes again until there is a place, and tells how long after `relief` that was.
fn recover(stage: &mut Fixture, relief: Instant) -> Result<Duration, Failed> {
    while relief.elapsed() < RECOVERY_MAX * SLACK {
        let mut newcomer = stage.connect("newcomer")?;
        // It may be refused already.
        if newcomer.say(b"newcomer").is_ok() && stage.try_admit(&mut newcomer)? == Admission::In {
            return Ok(relief.elapsed());
        }
    }
    Err(format!("a newcomer in within {:?} expected", RECOVERY_MAX * SLACK).into())
}

const AT_ONCE: usize = 16;
const RECOVERY_MAX: Duration = Duration::from_millis(250);
/// For a machine that is busy with something else.
const SLACK: u32 = 4;
