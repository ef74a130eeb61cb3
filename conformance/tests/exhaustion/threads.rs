//! Threads: a server whose user may have no more threads.
//!
//! The limit does not bind root, and counts all processes of a user. The server therefore runs as a
//! user that no other program has, together with a second server whose threads count against the
//! same limit.

use std::process::{Command, Stdio};
use std::time::Instant;

use conformance::suite::fixture::Fixture;
use conformance::target::{Model, Wire};
use libtest_mimic::Failed;
use rustix::process::geteuid;
use server_core::CloseReason;

use crate::child::Child;
use crate::descriptors::{PATIENT, expect_refusal};
use crate::resources::connect;
use crate::{recover, window};

/// The reason for which the trial cannot run on this machine; `None` if it can.
pub(crate) fn obstacle() -> Option<String> {
    if !geteuid().is_root() {
        return Some("needs root, to run the server as another user".into());
    }
    let words = user();
    let mut probe = Command::new(&words[0]);
    probe.args(&words[1..]).arg(env!("CARGO_BIN_EXE_conformance")).arg("--version");
    let status = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("needs a build that another user can run: {status}")),
        Err(error) => Some(format!("needs setpriv: {error}")),
    }
}

/// A server without threads rejects newcomers with a reason, and goes on serving its members.
pub(crate) fn out_of_threads() -> Result<(), Failed> {
    let user = user();
    let prefix: Vec<&str> = user.iter().map(String::as_str).collect();
    let (child, second) = (
        Child::start(Model::Threaded, &prefix, &PATIENT)?,
        Child::start(Model::Threaded, &prefix, &PATIENT)?,
    );
    let mut stage = child.stage();
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let mut idle = connect(child.addr())?;
    child.await_that("a thread for the idle client", || {
        Ok(child.threads()? > second.threads()? + 3)
    })?;
    let left = THREADS - child.threads()? - second.threads()?;
    let mut taken = (0..left).map(|_| connect(second.addr())).collect::<Result<Vec<_>, _>>()?;
    child.await_that("no thread left", || Ok(child.threads()? + second.threads()? == THREADS))?;
    let refused = |stage: &mut Fixture| {
        let mut newcomer = stage.connect("newcomer")?;
        expect_refusal(stage, &mut newcomer, &CloseReason::Exhausted)
    };
    let percent = window::watch(&child, &mut stage, &mut [&mut ann, &mut bob], &mut idle, refused)?;
    let relief = Instant::now();
    taken.iter_mut().for_each(Wire::reset);
    let recovery = recover(&mut stage, relief)?;
    println!("threaded: out of threads: {percent:.1} % CPU, recovered in {recovery:.0?}");
    second.stop()?;
    child.stop()
}

/// The words before a command that make it run as another user with few threads.
fn user() -> Vec<String> {
    // Each test program has its own user.
    let id = 200_000 + std::process::id();
    let ids = [format!("--reuid={id}"), format!("--regid={id}"), "--clear-groups".into()];
    let limit = ["prlimit".into(), format!("--nproc={THREADS}")];
    ["setpriv".into()].into_iter().chain(ids).chain(limit).collect()
}

const THREADS: u64 = 40;
