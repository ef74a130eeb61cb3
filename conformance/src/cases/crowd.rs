//! Cases of clients in their thousands, and of what they leave behind in the server's process.

use std::iter::once;
use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{encode_frame, encode_pair};

use super::{Case, Finding, Needs};
use crate::client::{Client, Next, encoded};
use crate::declared::needed;
use crate::fault::Fault;
use crate::measure::Usage;
use crate::stage::Stage;
use crate::target::Received;
use crate::token::mixed;

pub(super) const CASES: &[Case] = &[
    Case::new("RES-04", Needs::Sockets, eleven_hundred_members),
    Case::new("RES-05", Needs::Sockets, many_connect_at_once).with(&["--name-timeout", "10m"]),
    Case::new("RES-06", Needs::Process, ten_thousand_come_and_go),
    Case::new("BAD-07", Needs::Process, thousand_sessions_of_garbage),
    Case::new("LIM-01", Needs::Process, promises_cost_no_memory).with(&["--max-message", "1MiB"]),
];

/// Each is heard by one member, and each hears what that member says to all (SPEC RES-04).
fn eleven_hundred_members(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut bob = stage.join("bob")?;
    let mut crowd = Vec::new();
    for number in 0..CROWD {
        let mut client = stage.connect(&format!("crowd{number}"))?;
        client.write(&introduction(number))?;
        crowd.push(client);
    }
    hear_introductions(stage, &mut bob, 0..CROWD)?;
    bob.say(WELCOME)?;
    for client in &mut crowd {
        hear_the_welcome(stage, client)?;
    }
    Ok(Finding::Kept)
}

/// Reads until the welcome, past what the others said after this one had come.
fn hear_the_welcome(stage: &Stage, client: &mut Client) -> Result<(), Fault> {
    let mut welcome = BytesMut::new();
    encode_pair(b"bob", WELCOME, &mut welcome);
    let mut seen = Vec::new();
    while !seen.ends_with(&welcome) {
        let Received::Bytes(bytes) = client.receive_raw(CHUNK_BYTES, stage.deadline()) else {
            let what = format!("{} does not hear what is said to all", client.label());
            return Err(Fault::Broken { what, expected: welcome.to_vec(), got: Vec::new() });
        };
        seen.extend(bytes);
    }
    Ok(())
}

/// All are connected before the first one says its name. Then they come and go, some at a time: nobody
/// hears more than it holds unread (SPEC RES-05).
fn many_connect_at_once(stage: &mut Stage) -> Result<Finding, Fault> {
    let count = AT_ONCE_BY_LEVEL[usize::from(stage.asked_level()).min(2)];
    let mut bob = stage.join("bob")?;
    let (first, mut slow) = (Instant::now(), 0);
    let mut crowd = Vec::new();
    for number in 0..count {
        let start = Instant::now();
        crowd.push(stage.connect(&format!("crowd{number}"))?);
        // Only a SYN that was dropped and sent again takes that long.
        slow += usize::from(start.elapsed() >= SYN_RETRY);
    }
    for (turn, batch) in crowd.chunks_mut(AT_ONCE).enumerate() {
        introduce(stage, &mut bob, turn * AT_ONCE, batch)
            .map_err(|fault| unless_late(stage, first, fault))?;
        batch.iter_mut().for_each(Client::half_close);
        for client in batch {
            stage.read_to_end(client)?;
        }
        // Nor does the hidden witness, which reads now.
        stage.fence(&mut bob, &mut [])?;
    }
    Ok(match slow {
        0 => Finding::Kept,
        _ => Finding::Noted(format!("{slow} of {count} connections took a second or more")),
    })
}

/// They may be too many to say their names in the declared time, however well they are served.
fn unless_late(stage: &Stage, first: Instant, fault: Fault) -> Fault {
    match stage.declared().name_timeout {
        Some(timeout) if first.elapsed() >= timeout => {
            Fault::Harness(format!("the names came later than {timeout:?} after the first connect"))
        }
        _ => fault,
    }
}

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

/// These say their names and a message, and are heard.
fn introduce(
    stage: &Stage,
    listener: &mut Client,
    first: usize,
    batch: &mut [Client],
) -> Result<(), Fault> {
    let numbers = first..first + batch.len();
    for (number, client) in numbers.clone().zip(batch) {
        client.write(&introduction(number))?;
    }
    hear_introductions(stage, listener, numbers)
}

/// In order and by a reset in turn.
fn leave(turn: usize, client: &mut Client) {
    match turn % 2 {
        0 => client.half_close(),
        _ => client.reset(),
    }
}

/// A name and a message in one write.
fn introduction(number: usize) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode_frame(format!("crowd{number}").as_bytes(), &mut bytes);
    encode_frame(b"here", &mut bytes);
    bytes
}

/// Waits for one message of each of these, in any order.
fn hear_introductions(
    stage: &Stage,
    listener: &mut Client,
    numbers: Range<usize>,
) -> Result<(), Fault> {
    let mut heard = vec![false; numbers.len()];
    for count in 0..numbers.len() {
        let Next::Pair(pair) = listener.next(stage.deadline())? else {
            let what = format!("{} heard only {count} of {}", listener.label(), numbers.len());
            return Err(Fault::broken(what));
        };
        let number = std::str::from_utf8(&pair.sender)
            .ok()
            .and_then(|sender| sender.strip_prefix("crowd")?.parse::<usize>().ok())
            .filter(|number| pair.text == "here" && numbers.contains(number));
        match number.map(|number| &mut heard[number - numbers.start]) {
            Some(heard) if !*heard => *heard = true,
            _ => {
                let what = format!("{} received a pair that is not its due", listener.label());
                return Err(Fault::Broken { what, expected: Vec::new(), got: encoded(&pair) });
            }
        }
    }
    Ok(())
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

/// More than `select` can watch.
const CROWD: usize = 1100;
const WELCOME: &[u8] = b"welcome, all of you";
const CHUNK_BYTES: usize = 64 * 1024;
const AT_ONCE: usize = 50;
const AT_ONCE_BY_LEVEL: [usize; 3] = [50, 500, 5000];
/// Of a system whose queue of new connections was full.
const SYN_RETRY: Duration = Duration::from_secs(1);
const GARBAGE_BYTES_MAX: usize = 64;
/// What fifty that promise a mebibyte promise.
const PROMISED_BYTES_MIN: usize = 50 << 20;
const PROMISING_MIN: usize = 50;
/// Fewer than a server of this level has to serve (SPEC RES-04).
const PROMISING_MAX: usize = 1000;
/// What an allocator keeps for later, in arenas of several threads; a leak of 500 bytes for each of ten
/// thousand clients is more.
const RESIDENT_SLACK: u64 = 4 << 20;
