//! Traces: cases of descriptors, threads and memory that the server should release.

use std::iter::once;
use std::time::Instant;

use bytes::BytesMut;
use load::measure::Usage;
use protocol::encode_frame;

use super::many_clients::{AT_ONCE, introduce};
use super::{Case, Finding, Needs};
use crate::suite::client::Client;
use crate::suite::error::{TestError, needed};
use crate::suite::fixture::Fixture;
use crate::support::token::mixed;
use crate::target::Received;

pub(super) const CASES: &[Case] = &[
    Case::new("RES-06", Needs::Process, ten_thousand_sessions_leave_nothing),
    Case::new("BAD-07", Needs::Process, thousand_garbage_sessions_leave_nothing),
    Case::new("LIM-01", Needs::Process, announced_lengths_cost_no_memory)
        .with(&["--max-message", "1MiB"]),
];

/// (SPEC RES-06)
fn ten_thousand_sessions_leave_nothing(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    // One batch before measuring: what the server allocates once is not counted.
    thousand_sessions(fixture, &mut bob, 0)?;
    let before = fixture.usage()?;
    for turn in 1..=10 {
        thousand_sessions(fixture, &mut bob, turn)?;
        expect_release(fixture, before, &mut ann, &mut bob)?;
    }
    Ok(Finding::Kept)
}

/// A thousand clients, fifty at a time, join, send a message and leave.
fn thousand_sessions(
    fixture: &mut Fixture,
    listener: &mut Client,
    turn: usize,
) -> Result<(), TestError> {
    let first = turn * 1000;
    for first in (first..first + 1000).step_by(AT_ONCE) {
        let numbers = first..first + AT_ONCE;
        let batch = numbers.map(|number| fixture.connect(&format!("client{number}")));
        let mut batch = batch.collect::<Result<Vec<Client>, TestError>>()?;
        introduce(fixture, listener, first, &mut batch)?;
        for (place, client) in batch.iter_mut().enumerate() {
            leave(place, client);
        }
        for client in batch.iter_mut().filter(|client| client.end().is_none()) {
            fixture.read_to_end(client)?;
        }
    }
    Ok(())
}

/// Every second client leaves with FIN, the others with RST.
fn leave(turn: usize, client: &mut Client) {
    match turn % 2 {
        0 => client.half_close(),
        _ => client.reset(),
    }
}

/// (SPEC BAD-07)
fn thousand_garbage_sessions_leave_nothing(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let seed = fixture.seed();
    garbage_sessions(fixture, seed, 0)?;
    let before = fixture.usage()?;
    for first in (AT_ONCE..=1000).step_by(AT_ONCE) {
        garbage_sessions(fixture, seed, first)?;
        expect_release(fixture, before, &mut ann, &mut bob)?;
    }
    Ok(Finding::Kept)
}

/// Some clients send bytes that are no frames, and leave.
fn garbage_sessions(fixture: &mut Fixture, seed: u64, first: usize) -> Result<(), TestError> {
    let mut batch = Vec::new();
    for number in first..first + AT_ONCE {
        let mut client = fixture.connect(&format!("garbage{number}"))?;
        // A server may end the connection before it has read all of this.
        client.write(&garbage(mixed(seed ^ mixed(number as u64)), number)).ok();
        leave(number, &mut client);
        batch.push(client);
    }
    for client in &mut batch {
        while client.end().is_none() {
            if client.receive_raw(GARBAGE_BYTES_MAX, fixture.deadline()) == Received::Silence {
                return Err(client.not_ended());
            }
        }
    }
    Ok(())
}

/// Bytes of one of four kinds, none of which contains a message.
fn garbage(random: u64, number: usize) -> Vec<u8> {
    let bytes = (0u64..).map(|place| mixed(random ^ place).to_le_bytes()[0]);
    let length = 1 + usize::try_from(random % GARBAGE_BYTES_MAX as u64).unwrap_or_default();
    let mut name = BytesMut::new();
    encode_frame(format!("garbage{number}").as_bytes(), &mut name);
    match random >> 62 {
        0 => bytes.map(|byte| byte | 0x80).take(length).collect(),
        1 => once(b'x').chain(bytes.take(length)).collect(),
        2 => name.into_iter().chain(once(b'-')).chain(bytes.take(length)).collect(),
        _ => b"60000     ".iter().copied().chain(bytes.take(length)).collect(),
    }
}

/// Members announce messages of the maximum length, and send one byte of each (SPEC LIM-01).
fn announced_lengths_cost_no_memory(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let most = needed(fixture.declared().max_message, "largest message")?;
    let count = ANNOUNCED_BYTES_MIN.div_ceil(most).max(ANNOUNCERS_MIN);
    if count > ANNOUNCERS_MAX {
        let what =
            format!("messages of {most} bytes are too short: the test would need {count} clients");
        return Err(TestError::Inapplicable(what));
    }
    let mut clients = Vec::new();
    for number in 0..count {
        clients.push(fixture.join(&format!("client{number}"))?);
    }
    let before = fixture.usage()?.resident;
    for client in &mut clients {
        client.write(format!("{most:<10}.").as_bytes())?;
        fixture.await_read(client);
    }
    let grown = fixture.usage()?.resident.saturating_sub(before);
    let announced = (clients.len() * most) as u64;
    if grown > announced / 4 {
        let (grown, announced) = (grown / 1024, announced / 1024);
        let what = format!("the server grew by {grown} KiB when {announced} KiB were announced");
        return Err(TestError::broken(what));
    }
    Ok(Finding::Kept)
}

/// Waits until the server holds no more than before. Two members send meanwhile, so that the server
/// wakes and can release memory.
fn expect_release(
    fixture: &mut Fixture,
    before: Usage,
    ann: &mut Client,
    bob: &mut Client,
) -> Result<(), TestError> {
    let start = Instant::now();
    loop {
        fixture.fence(ann, &mut [bob])?;
        let now = fixture.usage()?;
        let returned = now.descriptors <= before.descriptors
            && now.threads <= before.threads
            && now.resident <= before.resident + RESIDENT_SLACK;
        if returned {
            return Ok(());
        }
        if start.elapsed() > fixture.deadline() {
            let described = |usage: Usage| {
                let Usage { descriptors, threads, resident, .. } = usage;
                format!("{descriptors} descriptors, {threads} threads, {} KiB", resident / 1024)
            };
            let (now, before) = (described(now), described(before));
            return Err(TestError::broken(format!(
                "the server holds {now}; before it held {before}"
            )));
        }
    }
}

const GARBAGE_BYTES_MAX: usize = 64;
/// The announced bytes of fifty clients with a limit of 1 MiB.
const ANNOUNCED_BYTES_MIN: usize = 50 << 20;
const ANNOUNCERS_MIN: usize = 50;
/// Fewer than a server of this level has to serve (SPEC RES-04).
const ANNOUNCERS_MAX: usize = 1000;
/// Memory that the allocator keeps in the arenas of several threads. A leak of 500 bytes for each
/// of ten thousand clients is more.
const RESIDENT_SLACK: u64 = 4 << 20;
