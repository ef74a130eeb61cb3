//! Cases of clients that are silent, rightly or not.

use std::time::{Duration, Instant};

use super::{Case, Finding, Needs};
use crate::suite::blame::{Fault, needed};
use crate::suite::client::{Client, Next};
use crate::suite::stage::Stage;

pub(super) const CASES: &[Case] = &[
    Case::new("SLO-02", Needs::Sockets, begun_frames_are_ended).with(&["--frame-timeout", "300ms"]),
    Case::new("RES-07", Needs::Process, silent_members_cost_little),
];

/// One stops inside a header, one inside a payload; two members are silent for as long (SPEC SLO-02).
fn begun_frames_are_ended(stage: &mut Stage) -> Result<Finding, Fault> {
    let cap = needed(stage.declared().frame_timeout, "frame timeout")?;
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let (mut header, mut payload) = (stage.join("header")?, stage.join("payload")?);
    stage.fence_all(&mut [&mut ann, &mut bob, &mut header, &mut payload])?;
    header.write(b"5  ")?;
    payload.write(b"5         he")?;
    for client in [&mut header, &mut payload] {
        client.expect_refusal(cap + stage.deadline())?;
    }
    // Nobody speaks, so this is a wait of that length.
    ann.expect_nothing_within(cap)?;
    stage.relay(&mut ann, b"still here", &mut [&mut bob])?;
    stage.relay(&mut bob, b"me too", &mut [&mut ann])?;
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// (SPEC RES-07)
fn silent_members_cost_little(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut ann = stage.join("ann")?;
    let before = stage.usage()?;
    let mut crowd = Vec::new();
    for number in 0..SILENT {
        let mut client = stage.connect(&format!("silent{number}"))?;
        client.say(client.label().to_owned().as_bytes())?;
        crowd.push(client);
    }
    call_the_roll(stage, &mut ann, &mut crowd)?;
    let full = stage.usage()?;
    let each = full.resident.saturating_sub(before.resident) / SILENT;
    if each > EACH_BYTES_MAX {
        let what = format!("each silent member costs {} KiB of memory", each >> 10);
        return Err(Fault::broken(what));
    }
    stage.expect_rest("nobody spoke", |quiet| ann.expect_nothing_within(quiet))?;
    Ok(Finding::Noted(format!("{each} bytes for each member")))
}

/// Waits until everybody in the crowd is known to be a member.
fn call_the_roll(stage: &Stage, speaker: &mut Client, crowd: &mut [Client]) -> Result<(), Fault> {
    let start = Instant::now();
    for client in crowd {
        // Whoever came later was there when the first one answered, most of the time.
        while client.next(Duration::ZERO)? == Next::Silence {
            speaker.say(b"roll call")?;
            if client.next(ROLL_CALL_PACE)? != Next::Silence {
                break;
            }
            if start.elapsed() > stage.deadline() * 4 {
                let what = format!("{} never became a member", client.label());
                return Err(Fault::broken(what));
            }
        }
    }
    Ok(())
}

const SILENT: u64 = 1000;
/// Between two calls for one client.
const ROLL_CALL_PACE: Duration = Duration::from_millis(50);
/// A thread with what it has touched of its stack, or a task, with the kernel's share left out.
const EACH_BYTES_MAX: u64 = 64 * 1024;
