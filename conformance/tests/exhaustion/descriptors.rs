//! Descriptors: a server that is started with few, and one whose limit is lowered while it serves.

use std::time::{Duration, Instant};

use conformance::suite::client::{Client, Text};
use conformance::suite::fixture::{Admission, Fixture};
use conformance::target::{Model, TcpWire, Wire};
use libtest_mimic::Failed;
use server_core::CloseReason;

use crate::child::Child;
use crate::resources::connect;
use crate::{RECOVERY_MAX, SLACK, recover, window};

/// A server started with this limit knows how many clients it can serve, and rejects the others
/// with a reason.
pub(crate) fn started_with(model: Model, limit: u64) -> Result<(), Failed> {
    let script = format!("ulimit -n {limit}; exec \"$@\"");
    let child = Child::start(model, &["sh", "-c", &script, "sh"], &PATIENT)?;
    let mut stage = child.stage();
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    // The stage's witness is a client as well.
    let places = limit - RESERVED - 3;
    let mut fillers = (0..places).map(|_| connect(child.addr())).collect::<Result<Vec<_>, _>>()?;
    let mut surplus = Vec::new();
    for _ in 0..SURPLUS {
        surplus.push(stage.connect("surplus")?);
    }
    for client in &mut surplus {
        expect_refusal(&stage, client, &CloseReason::Full)?;
    }
    let mut idle = fillers.pop().ok_or("the limit leaves no place for a silent client")?;
    let refused = |stage: &mut Fixture| {
        let mut newcomer = stage.connect("newcomer")?;
        expect_refusal(stage, &mut newcomer, &CloseReason::Full)
    };
    let percent = window::watch(&child, &mut stage, &mut [&mut ann, &mut bob], &mut idle, refused)?;
    let relief = Instant::now();
    idle.reset();
    let recovery = recover(&mut stage, relief)?;
    println!("{model}: started with {limit}: {percent:.1} % CPU, recovered in {recovery:.0?}");
    child.stop()
}

/// A server whose limit is lowered to this number cannot accept clients, but goes on serving its
/// members.
pub(crate) fn lowered_to(model: Model, limit: u64) -> Result<(), Failed> {
    let child = Child::start(model, &[], &PATIENT)?;
    let mut stage = child.stage();
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    child.limit_descriptors(limit)?;
    let places = limit - child.descriptors()?;
    let mut fillers = (0..places).map(|_| connect(child.addr())).collect::<Result<Vec<_>, _>>()?;
    child.await_that("all descriptors in use", || Ok(child.descriptors()? == limit))?;
    // The kernel completes these connections, although the server cannot accept them. The first
    // sends its name.
    let mut first = stage.connect("first")?;
    first.say(b"first")?;
    let mut idle = connect(child.addr())?;
    let mut hammer: Vec<TcpWire> = Vec::new();
    let comes = |_: &mut Fixture| {
        hammer.push(connect(child.addr())?);
        Ok(())
    };
    let percent = window::watch(&child, &mut stage, &mut [&mut ann, &mut bob], &mut idle, comes)?;
    if !child.log().contains("no new clients for now") {
        let log = child.log();
        return Err(format!("`no new clients for now` in the log expected, got:\n{log}").into());
    }
    let relief = Instant::now();
    fillers.pop().ok_or("the limit leaves no client that can leave")?.reset();
    let after_leaving = admitted(&mut stage, &mut first, relief)?;
    let relief = Instant::now();
    child.limit_descriptors(u64::MAX)?;
    let after_raising = recover(&mut stage, relief)?;
    stage.fence_all(&mut [&mut ann, &mut bob, &mut first])?;
    println!(
        "{model}: lowered to {limit}: {percent:.1} % CPU, recovered in {after_leaving:.0?} when a \
         client left, in {after_raising:.0?} when the limit was raised"
    );
    child.stop()
}

/// The time from `relief` until a client that was waiting is admitted.
fn admitted(stage: &mut Fixture, client: &mut Client, relief: Instant) -> Result<Duration, Failed> {
    let admission = stage.try_admit(client)?;
    let elapsed = relief.elapsed();
    if admission == Admission::In && elapsed < RECOVERY_MAX * SLACK {
        return Ok(elapsed);
    }
    Err(format!(
        "admission within {:?} expected, got {admission:?} after {elapsed:?}",
        RECOVERY_MAX * SLACK
    )
    .into())
}

/// Expects that the client receives this reason, and that its connection then ends with a FIN.
pub(crate) fn expect_refusal(
    stage: &Fixture,
    client: &mut Client,
    reason: &CloseReason,
) -> Result<(), Failed> {
    let text = reason.to_string();
    client.expect(b"server", Text::Exactly(text.as_bytes()), stage.deadline())?;
    Ok(stage.expect_orderly_end(client)?)
}

/// Silent clients are part of the trials, and must not be rejected.
pub(crate) const PATIENT: [&str; 2] = ["--name-timeout", "10m"];
/// Descriptors that the servers keep for themselves.
const RESERVED: u64 = 24;
/// More than the number of rejected clients for which a server lingers.
const SURPLUS: usize = 40;
