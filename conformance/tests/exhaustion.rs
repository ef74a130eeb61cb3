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

use conformance::model::Model;
use conformance::stage::{Admission, Stage};
use libtest_mimic::{Arguments, Failed, Trial};
use server_core::socket::ACCEPT_REST;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // They hardly do anything but wait.
    arguments.test_threads.get_or_insert(AT_ONCE);
    // Without it there are fewer connections, which the trials tell.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    let mut trials = vec![Trial::test("rest", check_rest)];
    for model in Model::ALL {
        for limit in [32, 256] {
            let trial = |name: &str, run: fn(Model, u64) -> Result<(), Failed>| {
                Trial::test(format!("{model}::{name}_{limit}"), move || run(model, limit))
            };
            trials.push(trial("started_with", descriptors::started_with));
            trials.push(trial("lowered_to", descriptors::lowered_to));
        }
    }
    let threads = Trial::test("threaded::out_of_threads", threads::out_of_threads);
    let crowd = Trial::test("threaded::crowd", crowd::seventeen_thousand);
    for (trial, obstacle) in [(threads, threads::obstacle()), (crowd, crowd::obstacle())] {
        let ignored = obstacle.is_some();
        trials.push(trial.with_kind(obstacle.unwrap_or_default()).with_ignored_flag(ignored));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What bounds the time to recover is how long a listener rests; the rest is the machine's business.
fn check_rest() -> Result<(), Failed> {
    if ACCEPT_REST * 4 <= RECOVERY_MAX {
        return Ok(());
    }
    Err(format!("a rest of at most {:?} expected, got {ACCEPT_REST:?}", RECOVERY_MAX / 4).into())
}

/// Comes again until there is a place, and tells how long after `relief` that was.
fn recover(stage: &mut Stage, relief: Instant) -> Result<Duration, Failed> {
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
