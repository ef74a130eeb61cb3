//! Many clients: cases with up to five thousand clients at once.

use std::ops::Range;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{encode_frame, pair};

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Next, encoded};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;
use crate::target::Received;

pub(super) const CASES: &[Case] = &[
    Case::new("RES-04", Needs::Sockets, eleven_hundred_members_receive_all),
    Case::new("RES-05", Needs::Sockets, many_connect_at_once).with(&["--name-timeout", "10m"]),
];

/// One member receives a message of each client, and each client receives that member's message
/// (SPEC RES-04).
fn eleven_hundred_members_receive_all(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut bob = fixture.join("bob")?;
    let mut clients = Vec::new();
    for number in 0..MEMBERS {
        let mut client = fixture.connect(&format!("client{number}"))?;
        client.write(&introduction(number))?;
        clients.push(client);
    }
    expect_introductions(fixture, &mut bob, 0..MEMBERS)?;
    bob.say(WELCOME)?;
    for client in &mut clients {
        expect_welcome(fixture, client)?;
    }
    Ok(Finding::Kept)
}

/// Reads until the welcome, past the messages of members that joined after this one.
fn expect_welcome(fixture: &Fixture, client: &mut Client) -> Result<(), TestError> {
    let welcome = pair(b"bob", WELCOME);
    let mut seen = Vec::new();
    while !seen.ends_with(&welcome) {
        let Received::Bytes(bytes) = client.receive_raw(CHUNK_BYTES, fixture.deadline()) else {
            let what = format!("the server did not relay bob's message to {}", client.label());
            return Err(TestError::Broken {
                what,
                expected: welcome.to_vec(),
                received: Vec::new(),
            });
        };
        seen.extend(bytes);
    }
    Ok(())
}

/// All connect before the first one sends its name. Then fifty at a time join, send a message and
/// leave, so that no member receives more than its socket holds unread (SPEC RES-05).
fn many_connect_at_once(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let count = AT_ONCE_BY_LEVEL[usize::from(fixture.asked_level()).min(2)];
    let mut bob = fixture.join("bob")?;
    let (first, mut slow) = (Instant::now(), 0);
    let mut clients = Vec::new();
    for number in 0..count {
        let start = Instant::now();
        clients.push(fixture.connect(&format!("client{number}"))?);
        // Only a SYN that the kernel dropped and the client sent again takes that long.
        slow += usize::from(start.elapsed() >= SYN_RETRY_TIME);
    }
    for (turn, batch) in clients.chunks_mut(AT_ONCE).enumerate() {
        introduce(fixture, &mut bob, turn * AT_ONCE, batch)
            .map_err(|error| unless_names_are_late(fixture, first, error))?;
        batch.iter_mut().for_each(Client::half_close);
        for client in batch {
            fixture.read_to_end(client)?;
        }
        // The fence makes the hidden witness read.
        fixture.fence(&mut bob, &mut [])?;
    }
    Ok(match slow {
        0 => Finding::Kept,
        _ => Finding::Noted(format!("{slow} of {count} connections took a second or more")),
    })
}

/// Makes an error inconclusive if the declared name timeout was over: the suite may have been too
/// slow.
fn unless_names_are_late(fixture: &Fixture, first: Instant, error: TestError) -> TestError {
    match fixture.declared().name_timeout {
        Some(timeout) if first.elapsed() >= timeout => TestError::Inconclusive(format!(
            "the suite sent names later than {timeout:?} after the first connection"
        )),
        _ => error,
    }
}

/// Each of these clients sends its name and a message, and `listener` receives every message.
pub(super) fn introduce(
    fixture: &Fixture,
    listener: &mut Client,
    first: usize,
    batch: &mut [Client],
) -> Result<(), TestError> {
    let numbers = first..first + batch.len();
    for (number, client) in numbers.clone().zip(batch) {
        client.write(&introduction(number))?;
    }
    expect_introductions(fixture, listener, numbers)
}

/// A name and a message in one write.
fn introduction(number: usize) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode_frame(format!("client{number}").as_bytes(), &mut bytes);
    encode_frame(b"here", &mut bytes);
    bytes
}

/// Waits for one message of each of these clients, in any order.
fn expect_introductions(
    fixture: &Fixture,
    listener: &mut Client,
    numbers: Range<usize>,
) -> Result<(), TestError> {
    let mut seen = vec![false; numbers.len()];
    for count in 0..numbers.len() {
        let Next::Pair(pair) = listener.next(fixture.deadline())? else {
            let what =
                format!("{} received {count} of {} introductions", listener.label(), numbers.len());
            return Err(TestError::broken(what));
        };
        let number = std::str::from_utf8(&pair.sender)
            .ok()
            .and_then(|sender| sender.strip_prefix("client")?.parse::<usize>().ok())
            .filter(|number| pair.text == "here" && numbers.contains(number));
        match number.map(|number| &mut seen[number - numbers.start]) {
            Some(seen) if !*seen => *seen = true,
            _ => {
                let what = format!("{} received an unexpected pair", listener.label());
                return Err(TestError::Broken {
                    what,
                    expected: Vec::new(),
                    received: encoded(&pair),
                });
            }
        }
    }
    Ok(())
}

/// More than the descriptors that `select` can watch.
const MEMBERS: usize = 1100;
const WELCOME: &[u8] = b"welcome, all of you";
const CHUNK_BYTES: usize = 64 * 1024;
pub(super) const AT_ONCE: usize = 50;
const AT_ONCE_BY_LEVEL: [usize; 3] = [50, 500, 5000];
/// The time after which a client's kernel sends a dropped SYN again.
const SYN_RETRY_TIME: Duration = Duration::from_secs(1);
