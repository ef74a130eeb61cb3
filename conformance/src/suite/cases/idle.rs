//! Cases of clients that are silent, rightly or not.

use std::time::{Duration, Instant};

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Next};
use crate::suite::error::{TestError, needed};
use crate::suite::fixture::Fixture;

pub(super) const CASES: &[Case] = &[
    Case::new("SLO-02", Needs::Sockets, incomplete_frames_end_the_connection)
        .with(&["--frame-timeout", "300ms"]),
    Case::new("RES-07", Needs::Process, silent_members_use_little_memory),
];

/// One stops inside a header, one inside a payload; two members are silent for as long (SPEC SLO-02).
fn incomplete_frames_end_the_connection(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let timeout = needed(fixture.declared().frame_timeout, "frame timeout")?;
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let (mut header, mut payload) = (fixture.join("header")?, fixture.join("payload")?);
    fixture.fence_all(&mut [&mut ann, &mut bob, &mut header, &mut payload])?;
    header.write(b"5  ")?;
    payload.write(b"5         he")?;
    for client in [&mut header, &mut payload] {
        client.expect_refusal(timeout + fixture.deadline())?;
    }
    // Nobody speaks, so this is a wait of that length.
    ann.expect_nothing_within(timeout)?;
    fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
    fixture.relay(&mut bob, b"me too", &mut [&mut ann])?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// (SPEC RES-07)
fn silent_members_use_little_memory(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut ann = fixture.join("ann")?;
    let before = fixture.usage()?;
    let mut clients = Vec::new();
    for number in 0..SILENT {
        let mut client = fixture.connect(&format!("silent{number}"))?;
        client.say(client.label().to_owned().as_bytes())?;
        clients.push(client);
    }
    await_membership(fixture, &mut ann, &mut clients)?;
    let full = fixture.usage()?;
    let each = full.resident.saturating_sub(before.resident) / SILENT;
    if each > EACH_BYTES_MAX {
        let what = format!("each silent member costs {} KiB of memory", each >> 10);
        return Err(TestError::broken(what));
    }
    fixture.expect_idle_cpu("nobody spoke", |quiet| ann.expect_nothing_within(quiet))?;
    Ok(Finding::Noted(format!("{each} bytes for each member")))
}

/// Waits until everybody in the clients is known to be a member.
fn await_membership(
    fixture: &Fixture,
    speaker: &mut Client,
    clients: &mut [Client],
) -> Result<(), TestError> {
    let start = Instant::now();
    for client in clients {
        // Whoever came later was there when the first one answered, most of the time.
        while client.next(Duration::ZERO)? == Next::Silence {
            speaker.say(b"roll call")?;
            if client.next(MEMBERSHIP_INTERVAL)? != Next::Silence {
                break;
            }
            if start.elapsed() > fixture.deadline() * 4 {
                let what = format!("{} never became a member", client.label());
                return Err(TestError::broken(what));
            }
        }
    }
    Ok(())
}

const SILENT: u64 = 1000;
/// Between two calls for one client.
const MEMBERSHIP_INTERVAL: Duration = Duration::from_millis(50);
/// A thread with what it has touched of its stack, or a task, with the kernel's share left out.
const EACH_BYTES_MAX: u64 = 64 * 1024;
