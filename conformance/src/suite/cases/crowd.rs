//! Cases of clients in their thousands, all there at once.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{encode_frame, pair};

use super::{Case, Finding, Needs};
use crate::suite::blame::Fault;
use crate::suite::client::{Client, Next, encoded};
use crate::suite::stage::Stage;
use crate::target::Received;

pub(super) const CASES: &[Case] = &[
    Case::new("RES-04", Needs::Sockets, eleven_hundred_members),
    Case::new("RES-05", Needs::Sockets, many_connect_at_once).with(&["--name-timeout", "10m"]),
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
    let welcome = pair(b"bob", WELCOME);
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

/// These say their names and a message, and are heard.
pub(super) fn introduce(
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

/// More than `select` can watch.
const CROWD: usize = 1100;
const WELCOME: &[u8] = b"welcome, all of you";
const CHUNK_BYTES: usize = 64 * 1024;
pub(super) const AT_ONCE: usize = 50;
const AT_ONCE_BY_LEVEL: [usize; 3] = [50, 500, 5000];
/// Of a system whose queue of new connections was full.
const SYN_RETRY: Duration = Duration::from_secs(1);
