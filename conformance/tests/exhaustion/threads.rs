//! Threads: a server whose user may have no more of them.
//!
//! The limit does not bind root, and counts all of a user's processes. So the server runs as a user that
//! nobody else is, beside a second one that takes away what the first has counted on.

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

/// Why threads cannot be made to run out here, if they cannot.
pub(crate) fn obstacle() -> Option<String> {
    if !geteuid().is_root() {
        return Some("takes root, to become a user of its own".into());
    }
    let words = user();
    let mut probe = Command::new(&words[0]);
    probe.args(&words[1..]).arg(env!("CARGO_BIN_EXE_conformance")).arg("--version");
    let status = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => None,
        Ok(status) => Some(format!("another user cannot start the server: {status}")),
        Err(error) => Some(format!("no setpriv: {error}")),
    }
}

pub(crate) fn out_of_threads() -> Result<(), Failed> {
    let user = user();
    let prefix: Vec<&str> = user.iter().map(String::as_str).collect();
    let (child, eater) = (
        Child::start(Model::Threaded, &prefix, &PATIENT)?,
        Child::start(Model::Threaded, &prefix, &PATIENT)?,
    );
    let mut stage = child.stage();
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let mut idle = connect(child.addr())?;
    child.await_that("the idle client has its thread", || {
        Ok(child.threads()? > eater.threads()? + 3)
    })?;
    let left = THREADS - child.threads()? - eater.threads()?;
    let mut eaten = (0..left).map(|_| connect(eater.addr())).collect::<Result<Vec<_>, _>>()?;
    child.await_that("no thread is left", || Ok(child.threads()? + eater.threads()? == THREADS))?;
    let refused = |stage: &mut Fixture| {
        let mut newcomer = stage.connect("newcomer")?;
        expect_refusal(stage, &mut newcomer, &CloseReason::Exhausted)
    };
    let percent = window::watch(&child, &mut stage, &mut [&mut ann, &mut bob], &mut idle, refused)?;
    let relief = Instant::now();
    eaten.iter_mut().for_each(Wire::reset);
    let recovery = recover(&mut stage, relief)?;
    println!("threaded: out of threads: {percent:.1} % CPU, recovered in {recovery:.0?}");
    eater.stop()?;
    child.stop()
}

/// The words before a command that make it run as a user of its own with few threads.
fn user() -> Vec<String> {
    // No two test programs run as the same one.
    let id = 200_000 + std::process::id();
    let ids = [format!("--reuid={id}"), format!("--regid={id}"), "--clear-groups".into()];
    let limit = ["prlimit".into(), format!("--nproc={THREADS}")];
    ["setpriv".into()].into_iter().chain(ids).chain(limit).collect()
}

const THREADS: u64 = 40;
