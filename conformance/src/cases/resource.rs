//! Cases of many clients, and of the server as a process.

use std::time::{Duration, Instant};

use super::{Case, Finding, Needs};
use crate::fault::Fault;
use crate::stage::Stage;

pub(super) const CASES: &[Case] = &[
    Case::new("RES-05", Needs::Sockets, fifty_connect_at_once),
    Case::new("SHD-03", Needs::Sockets, restart_on_the_same_port),
];

/// All fifty are connected before the first one says its name (SPEC RES-05).
fn fifty_connect_at_once(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut bob = stage.join("bob")?;
    let mut slow = 0;
    let mut crowd = Vec::new();
    for number in 0..50 {
        let start = Instant::now();
        crowd.push(stage.connect(&format!("crowd{number}"))?);
        // Only a SYN that was dropped and sent again takes that long.
        slow += usize::from(start.elapsed() >= SYN_RETRY);
    }
    for client in &mut crowd {
        let name = client.label().to_owned();
        client.say(name.as_bytes())?;
    }
    for client in &mut crowd {
        stage.admit(client)?;
        stage.relay(client, b"here", &mut [&mut bob])?;
    }
    Ok(match slow {
        0 => Finding::Kept,
        _ => Finding::Noted(format!("{slow} of 50 connections took a second or more")),
    })
}

/// The first server ends while a client is still connected, which leaves its port in a state of waiting
/// (SPEC SHD-03).
fn restart_on_the_same_port(stage: &mut Stage) -> Result<Finding, Fault> {
    stage.require_restart()?;
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    stage.relay(&mut ann, b"before", &mut [&mut bob])?;
    stage.restart()?;
    let (mut cyd, mut dan) = (stage.join("cyd")?, stage.join("dan")?);
    stage.relay(&mut cyd, b"after", &mut [&mut dan])?;
    stage.fence_all(&mut [&mut cyd, &mut dan])?;
    Ok(Finding::Kept)
}

const SYN_RETRY: Duration = Duration::from_secs(1);
