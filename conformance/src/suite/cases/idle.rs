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

/// Waits until every client is known to be a member, and has received everything that was sent: the
/// server then has nothing more to do.
fn await_membership(
    fixture: &Fixture,
    sender: &mut Client,
    clients: &mut [Client],
) -> Result<(), TestError> {
    let (mut missing, mut members) =
        (clients.iter_mut().collect::<Vec<_>>(), Vec::<&mut Client>::new());
    let (mut calls, mut call, mut listener) = (0, Vec::new(), None::<usize>);
    // How long all of them take depends on the machine, so the deadline is one for the next member.
    let (mut progress, mut used) = (Instant::now(), fixture.usage()?.cpu());
    while !missing.is_empty() {
        // Calls that a busy server has not relayed yet would keep it from adding members.
        let is_relayed = match listener {
            Some(member) => takes_call(members[member], &call, Duration::ZERO)?,
            None => true,
        };
        if is_relayed {
            calls += 1;
            call = format!("roll call {calls}").into_bytes();
            sender.say(&call)?;
            listener = members.len().checked_sub(1);
        }
        missing[0].read_once(MEMBERSHIP_INTERVAL);
        let before = members.len();
        for client in std::mem::take(&mut missing) {
            let is_member = client.next(Duration::ZERO)? != Next::Silence;
            if is_member { members.push(client) } else { missing.push(client) }
        }
        if members.len() > before {
            (progress, used) = (Instant::now(), fixture.usage()?.cpu());
        } else if progress.elapsed() > fixture.deadline() && fixture.has_had_time(used)? {
            return Err(not_relayed(missing[0]));
        }
    }
    sender.say(LAST_CALL)?;
    members.into_iter().try_for_each(|client| {
        let is_relayed = takes_call(client, LAST_CALL, fixture.deadline())?;
        if is_relayed { Ok(()) } else { Err(not_relayed(client)) }
    })
}

/// Whether a member receives this call, with no longer pause than this before it. Those before it
/// are discarded.
fn takes_call(member: &mut Client, call: &[u8], pause: Duration) -> Result<bool, TestError> {
    loop {
        match member.next(pause)? {
            Next::Pair(pair) if pair.text == call => return Ok(true),
            Next::Pair(_) => {}
            Next::Silence => return Ok(false),
            Next::Ended(_) => {
                let what = format!("the server ended {}'s connection", member.label());
                return Err(TestError::broken(what));
            }
        }
    }
}

fn not_relayed(client: &Client) -> TestError {
    let label = client.label();
    TestError::broken(format!(
        "the server did not relay a message to {label}, which had sent its name"
    ))
}

const SILENT: u64 = 1000;
/// Time between two messages for a client that is not yet a member.
const MEMBERSHIP_INTERVAL: Duration = Duration::from_millis(50);
const LAST_CALL: &[u8] = b"end of the roll call";
/// Enough for a thread with the touched part of its stack, or for a task; the kernel's memory is
/// not counted.
const EACH_BYTES_MAX: u64 = 64 * 1024;
