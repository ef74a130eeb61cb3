//! Relay: cases of which member receives which message.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{HEADER_LEN, encode_frame, parse_header};

use super::many_senders::{MESSAGES_EACH, ManySenders, SENDERS, name};
use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Text};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;
use crate::target::Received;

pub(super) const CASES: &[Case] = &[
    Case::new("RLY-01", Needs::Room, each_message_once_to_each_other),
    Case::new("RLY-04", Needs::Room, a_member_alone_can_send),
    Case::new("RLY-06", Needs::Sockets, a_one_read_client_stays_in_step),
    Case::new("RLY-07", Needs::Room, newcomers_receive_no_history),
    Case::new("RLY-08", Needs::Sockets, messages_before_a_fin_are_relayed),
    Case::new("RLY-12", Needs::Sockets, a_paused_one_read_client_finds_whole_pairs),
    Case::new("RLY-09", Needs::Room, every_message_of_many_senders_arrives),
];

/// Four clients take turns to send. Each receives exactly the messages of the other three (SPEC
/// RLY-01).
fn each_message_once_to_each_other(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut clients: Vec<Client> = ["ann", "bob", "cyd", "dan"]
        .iter()
        .map(|name| fixture.join(name))
        .collect::<Result<_, _>>()?;
    for turn in 0..100 {
        // `rotate_left` puts the next sender last.
        clients.rotate_left(1);
        let (sender, others) = clients.split_last_mut().expect("there are four clients");
        let mut others: Vec<&mut Client> = others.iter_mut().collect();
        fixture.relay(sender, format!("message {turn}").as_bytes(), &mut others)?;
    }
    fixture.fence_all(&mut clients.iter_mut().collect::<Vec<_>>())?;
    clients.iter_mut().for_each(Client::half_close);
    for client in &mut clients {
        // Up to the end of the connection: a duplicate may arrive late.
        if let Some(pair) = fixture.read_to_end(client)?.first() {
            let what = format!(
                "{} received another pair before the end of the connection",
                client.label()
            );
            let received = crate::suite::client::encoded(pair);
            return Err(TestError::Broken { what, expected: Vec::new(), received });
        }
    }
    Ok(Finding::Kept)
}

/// Ann sends while she is the only member, and the server goes on (SPEC RLY-04).
fn a_member_alone_can_send(fixture: &mut Fixture) -> Result<Finding, TestError> {
    // The witness joins later, so that ann is alone in the room.
    let mut ann = fixture.connect("ann")?;
    ann.say(b"ann")?;
    for text in ["is", "anybody", "here?"] {
        ann.say(text.as_bytes())?;
        fixture.await_read(&mut ann);
    }
    let mut bob = fixture.join("bob")?;
    fixture.admit(&mut ann)?;
    fixture.relay(&mut ann, b"at last", &mut [&mut bob])?;
    fixture.relay(&mut bob, b"hello", &mut [&mut ann])?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// A client that takes the result of one read for a whole header or payload has to find every pair
/// whole. It waits for each relay, so a second write would come too late (SPEC RLY-06).
fn a_one_read_client_stays_in_step(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    fixture.fence(&mut ann, &mut [&mut bob])?;
    let mut split = 0;
    for number in 0..ONE_READ_RELAYS {
        ann.say(format!("{number}").as_bytes())?;
        if read_like_one_read_client(fixture, &mut bob)? == Reading::Split {
            split += 1;
        }
    }
    if split > 0 {
        return Err(TestError::broken(format!(
            "the server sent {split} of {ONE_READ_RELAYS} pairs in parts, which a client that reads once would \
             lose"
        )));
    }
    Ok(Finding::Kept)
}

/// The same client reads nothing for a second, while Ann sends 5000 messages in bursts of 1 to 300.
/// They are more than its socket holds, and it has to find every pair whole (SPEC RLY-12).
fn a_paused_one_read_client_finds_whole_pairs(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    fixture.fence(&mut ann, &mut [&mut bob, &mut cyd])?;
    let (paused_since, mut said) = (Instant::now(), 0);
    let text = [b'x'; PAUSED_TEXT_BYTES];
    while said < PAUSED_RELAYS || paused_since.elapsed() < PAUSED_TIME {
        // Bursts of 1 to 300 messages, then single small ones until the second is over.
        let (burst, text) =
            if said < PAUSED_RELAYS { (said * 97 % 300 + 1, &text[..]) } else { (1, &text[..0]) };
        let mut frames = BytesMut::new();
        (0..burst).for_each(|_| encode_frame(text, &mut frames));
        ann.write(&frames)?;
        // When cyd has received the last one, the server has handled the burst.
        for _ in 0..burst {
            cyd.expect(b"ann", Text::Exactly(text), fixture.deadline())?;
        }
        said += burst;
    }
    for number in 1..=said {
        if read_like_one_read_client(fixture, &mut bob)? == Reading::Split {
            let what = format!("the server sent pair {number} of {said} in parts");
            return Err(TestError::broken(what));
        }
    }
    fixture.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    Ok(Finding::Kept)
}

/// (SPEC RLY-07)
fn newcomers_receive_no_history(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    for turn in 0..20 {
        fixture.relay(&mut ann, format!("early {turn}").as_bytes(), &mut [&mut bob])?;
        let mut late = fixture.join(&format!("late{turn}"))?;
        fixture.fence(&mut ann, &mut [&mut bob, &mut late])?;
        late.half_close();
        fixture.expect_end(&mut late)?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Twenty clients send a message and half-close at once (SPEC RLY-08).
fn messages_before_a_fin_are_relayed(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut bob = fixture.join("bob")?;
    let mut left = Vec::new();
    for turn in 0..20 {
        let name = format!("ann{turn}");
        let mut ann = fixture.join(&name)?;
        ann.say(b"last message")?;
        ann.half_close();
        bob.expect(name.as_bytes(), Text::Exactly(b"last message"), fixture.deadline())?;
        left.push(ann);
    }
    left.push(bob);
    fixture.fence_all(&mut left.iter_mut().collect::<Vec<_>>())?;
    Ok(Finding::Kept)
}

/// (SPEC RLY-09)
fn every_message_of_many_senders_arrives(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let senders = ManySenders::run(fixture)?;
    for (place, received) in senders.received() {
        for sender in (0..SENDERS).filter(|sender| *sender != place) {
            let mut numbers: Vec<usize> = received
                .iter()
                .filter(|word| word.sender == sender)
                .map(|word| word.number)
                .collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            if (count, numbers.len()) != (MESSAGES_EACH, MESSAGES_EACH) {
                return Err(TestError::broken(format!(
                    "{} received {} of {MESSAGES_EACH} messages of {}, and {} of them twice",
                    name(place),
                    numbers.len(),
                    name(sender),
                    count - numbers.len()
                )));
            }
        }
    }
    senders.finish(fixture)?;
    Ok(Finding::Kept)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Whole,
    Split,
}

/// Reads one pair like a client that takes one read for a whole part: it waits only for the first
/// header.
fn read_like_one_read_client(fixture: &Fixture, client: &mut Client) -> Result<Reading, TestError> {
    let mut reading = Reading::Whole;
    for frame in 0..2 {
        let within = if frame == 0 { fixture.deadline() } else { Duration::ZERO };
        let header = read_part(fixture, client, HEADER_LEN, within, &mut reading)?;
        let length = parse_header(&header).ok().flatten().and_then(|n| usize::try_from(n).ok());
        let length = length.filter(|&length| length <= PART_BYTES_MAX).ok_or_else(|| {
            let what = format!("{} received a malformed header", client.label());
            TestError::Broken { what, expected: Vec::new(), received: header }
        })?;
        read_part(fixture, client, length, Duration::ZERO, &mut reading)?;
    }
    Ok(reading)
}

/// Reads exactly `length` bytes, and records whether one read was not enough.
fn read_part(
    fixture: &Fixture,
    client: &mut Client,
    length: usize,
    first_within: Duration,
    reading: &mut Reading,
) -> Result<Vec<u8>, TestError> {
    let mut part = Vec::new();
    let mut within = first_within;
    while part.len() < length {
        match client.receive_raw(length - part.len(), within) {
            Received::Bytes(bytes) => part.extend(bytes),
            Received::Silence if within.is_zero() => {}
            _ => {
                return Err(TestError::broken(format!(
                    "the server sent {} no whole pair",
                    client.label()
                )));
            }
        }
        if part.len() < length {
            *reading = Reading::Split;
            within = fixture.deadline();
        }
    }
    Ok(part)
}

const ONE_READ_RELAYS: usize = 1000;
const PAUSED_RELAYS: usize = 5000;
/// Messages of this size are in total more than a client's buffers, and less than what makes a
/// server wait.
const PAUSED_TEXT_BYTES: usize = 200;
const PAUSED_TIME: Duration = Duration::from_secs(1);
const PART_BYTES_MAX: usize = 2048;
