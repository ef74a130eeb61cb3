//! Cases of what clients leave behind in the server's process.

use std::iter::once;
use std::time::Instant;

use bytes::BytesMut;
use load::measure::Usage;
use protocol::encode_frame;

use super::crowd::{AT_ONCE, introduce};
use super::{Case, Finding, Needs};
use crate::suite::blame::{Fault, needed};
use crate::suite::client::Client;
use crate::suite::stage::Stage;
use crate::support::token::mixed;
use crate::target::Received;

pub(super) const CASES: &[Case] = &[
    Case::new("RES-06", Needs::Process, ten_thousand_come_and_go),
    Case::new("BAD-07", Needs::Process, thousand_sessions_of_garbage),
    Case::new("LIM-01", Needs::Process, promises_cost_no_memory).with(&["--max-message", "1MiB"]),
];

/// (SPEC RES-06)
fn ten_thousand_come_and_go(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    // What a server sets up once, for as many clients as will ever be there together.
    come_and_go(stage, &mut bob, 0)?;
    let before = stage.usage()?;
    for turn in 1..=10 {
        come_and_go(stage, &mut bob, turn)?;
        expect_return(stage, before, &mut ann, &mut bob)?;
    }
    Ok(Finding::Kept)
}

/// A thousand clients, some at once, come, speak and leave.
fn come_and_go(stage: &mut Stage, listener: &mut Client, turn: usize) -> Result<(), Fault> {
    let first = turn * 1000;
    for first in (first..first + 1000).step_by(AT_ONCE) {
        let numbers = first..first + AT_ONCE;
        let batch = numbers.map(|number| stage.connect(&format!("crowd{number}")));
        let mut batch = batch.collect::<Result<Vec<Client>, Fault>>()?;
        introduce(stage, listener, first, &mut batch)?;
        for (place, client) in batch.iter_mut().enumerate() {
            leave(place, client);
        }
        for client in batch.iter_mut().filter(|client| client.end().is_none()) {
            stage.read_to_end(client)?;
        }
    }
    Ok(())
}

/// In order and by a reset in turn.
fn leave(turn: usize, client: &mut Client) {
    match turn % 2 {
        0 => client.half_close(),
        _ => client.reset(),
    }
}

/// (SPEC BAD-07)
fn thousand_sessions_of_garbage(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let seed = stage.seed();
    garbage_at_once(stage, seed, 0)?;
    let before = stage.usage()?;
    for first in (AT_ONCE..=1000).step_by(AT_ONCE) {
        garbage_at_once(stage, seed, first)?;
        expect_return(stage, before, &mut ann, &mut bob)?;
    }
    Ok(Finding::Kept)
}

/// Some clients say things that are no frames, and leave.
fn garbage_at_once(stage: &mut Stage, seed: u64, first: usize) -> Result<(), Fault> {
    let mut batch = Vec::new();
    for number in first..first + AT_ONCE {
        let mut client = stage.connect(&format!("garbage{number}"))?;
        // A server may have seen enough before all of it is sent.
        client.write(&garbage(mixed(seed ^ mixed(number as u64)), number)).ok();
        leave(number, &mut client);
        batch.push(client);
    }
    for client in &mut batch {
        while client.end().is_none() {
            if client.receive_raw(GARBAGE_BYTES_MAX, stage.deadline()) == Received::Silence {
                return Err(Fault::broken(format!("{} is not closed", client.label())));
            }
        }
    }
    Ok(())
}

/// Bytes of one of four kinds, none of which is ever a message.
fn garbage(chance: u64, number: usize) -> Vec<u8> {
    let bytes = (0u64..).map(|place| mixed(chance ^ place).to_le_bytes()[0]);
    let length = 1 + usize::try_from(chance % GARBAGE_BYTES_MAX as u64).unwrap_or_default();
    let mut name = BytesMut::new();
    encode_frame(format!("garbage{number}").as_bytes(), &mut name);
    match chance >> 62 {
        0 => bytes.map(|byte| byte | 0x80).take(length).collect(),
        1 => once(b'x').chain(bytes.take(length)).collect(),
        2 => name.into_iter().chain(once(b'-')).chain(bytes.take(length)).collect(),
        _ => b"60000     ".iter().copied().chain(bytes.take(length)).collect(),
    }
}

/// Members promise as much as they may, and send one byte of it (SPEC LIM-01).
fn promises_cost_no_memory(stage: &mut Stage) -> Result<Finding, Fault> {
    let most = needed(stage.declared().max_message, "largest message")?;
    let count = PROMISED_BYTES_MIN.div_ceil(most).max(PROMISING_MIN);
    if count > PROMISING_MAX {
        let what = format!("it takes {count} clients for messages of {most} bytes to be seen");
        return Err(Fault::Inapplicable(what));
    }
    let mut crowd = Vec::new();
    for number in 0..count {
        crowd.push(stage.join(&format!("crowd{number}"))?);
    }
    let before = stage.usage()?.resident;
    for client in &mut crowd {
        client.write(format!("{most:<10}.").as_bytes())?;
        stage.settle(client);
    }
    let grown = stage.usage()?.resident.saturating_sub(before);
    let promised = (crowd.len() * most) as u64;
    if grown > promised / 4 {
        let (grown, promised) = (grown / 1024, promised / 1024);
        let what = format!("the server grew by {grown} KiB when {promised} KiB were promised");
        return Err(Fault::broken(what));
    }
    Ok(Finding::Kept)
}

/// Waits until the server holds no more than it did before. Between two looks two members talk: the server
/// is awake, and so has every chance to let go.
fn expect_return(
    stage: &mut Stage,
    before: Usage,
    ann: &mut Client,
    bob: &mut Client,
) -> Result<(), Fault> {
    let start = Instant::now();
    loop {
        stage.fence(ann, &mut [bob])?;
        let now = stage.usage()?;
        let returned = now.descriptors <= before.descriptors
            && now.threads <= before.threads
            && now.resident <= before.resident + RESIDENT_SLACK;
        if returned {
            return Ok(());
        }
        if start.elapsed() > stage.deadline() {
            let told = |usage: Usage| {
                let Usage { descriptors, threads, resident, .. } = usage;
                format!("{descriptors} descriptors, {threads} threads, {} KiB", resident / 1024)
            };
            let (now, before) = (told(now), told(before));
            return Err(Fault::broken(format!("the server holds {now}; before it held {before}")));
        }
    }
}

const GARBAGE_BYTES_MAX: usize = 64;
/// What fifty that promise a mebibyte promise.
const PROMISED_BYTES_MIN: usize = 50 << 20;
const PROMISING_MIN: usize = 50;
/// Fewer than a server of this level has to serve (SPEC RES-04).
const PROMISING_MAX: usize = 1000;
/// What an allocator keeps for later, in arenas of several threads; a leak of 500 bytes for each of ten
/// thousand clients is more.
const RESIDENT_SLACK: u64 = 4 << 20;
