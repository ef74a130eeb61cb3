//! Idle: cases of clients that are silent, inside a frame or between two.

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

/// One client stops inside a header, one inside a payload. Two members are silent between frames
/// for as long (SPEC SLO-02).
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
    // No member sends anything, so this waits for that long.
    ann.expect_nothing_within(timeout)?;
    fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
    fixture.relay(&mut bob, b"me too", &mut [&mut ann])?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// A thousand silent members use little memory and no processor time (SPEC RES-07).
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
        let what = format!("the server uses {} KiB of memory for each silent member", each >> 10);
        return Err(TestError::broken(what));
    }
    fixture.expect_idle_cpu("no member sent anything", |quiet| ann.expect_nothing_within(quiet))?;
    Ok(Finding::Noted(format!("{each} bytes of memory for each member")))
}

/// Waits until every client is known to be a member.
fn await_membership(
    fixture: &Fixture,
    sender: &mut Client,
    clients: &mut [Client],
) -> Result<(), TestError> {
    let start = Instant::now();
    for client in clients {
        // Most clients are members by the time the first one receives a message, so one message is
        // enough for them.
        while client.next(Duration::ZERO)? == Next::Silence {
            sender.say(b"roll call")?;
            if client.next(MEMBERSHIP_INTERVAL)? != Next::Silence {
                break;
            }
            if start.elapsed() > fixture.deadline() * 4 {
                let what = format!(
                    "the server did not relay a message to {}, which had sent its name",
                    client.label()
                );
                return Err(TestError::broken(what));
            }
        }
    }
    Ok(())
}

const SILENT: u64 = 1000;
/// Time between two messages for a client that is not yet a member.
const MEMBERSHIP_INTERVAL: Duration = Duration::from_millis(50);
/// Enough for a thread with the touched part of its stack, or for a task; the kernel's memory is
/// not counted.
const EACH_BYTES_MAX: u64 = 64 * 1024;
