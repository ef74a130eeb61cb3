//! Cases of who receives what.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{HEADER_LEN, encode_frame, parse_header};

use super::flood::{Flood, SPEAKERS, WORDS, name};
use super::{Case, Finding, Needs};
use crate::suite::blame::Fault;
use crate::suite::client::{Client, Text};
use crate::suite::stage::Stage;
use crate::target::Received;

pub(super) const CASES: &[Case] = &[
    Case::new("RLY-01", Needs::Room, each_message_once_to_each_other),
    Case::new("RLY-04", Needs::Room, talking_to_oneself),
    Case::new("RLY-06", Needs::Sockets, fragile_reader_stays_in_step),
    Case::new("RLY-07", Needs::Room, newcomers_hear_no_history),
    Case::new("RLY-08", Needs::Sockets, last_words_are_relayed),
    Case::new("RLY-12", Needs::Sockets, idle_fragile_reader_finds_whole_pairs),
    Case::new("RLY-09", Needs::Room, a_flood_arrives_in_full),
];

/// Four clients take turns; each must end with exactly what the other three said (SPEC RLY-01).
fn each_message_once_to_each_other(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut clients: Vec<Client> = ["ann", "bob", "cyd", "dan"]
        .iter()
        .map(|name| stage.join(name))
        .collect::<Result<_, _>>()?;
    for turn in 0..100 {
        // The speaker goes last, and so each is the speaker in turn.
        clients.rotate_left(1);
        let (speaker, others) = clients.split_last_mut().expect("there are four clients");
        let mut others: Vec<&mut Client> = others.iter_mut().collect();
        stage.relay(speaker, format!("message {turn}").as_bytes(), &mut others)?;
    }
    stage.fence_all(&mut clients.iter_mut().collect::<Vec<_>>())?;
    clients.iter_mut().for_each(Client::half_close);
    for client in &mut clients {
        // To the very end of the stream, where a duplicate would show that was late.
        if let Some(pair) = stage.read_to_end(client)?.first() {
            let what = format!("{} received another pair before its end", client.label());
            let got = crate::suite::client::encoded(pair);
            return Err(Fault::Broken { what, expected: Vec::new(), got });
        }
    }
    Ok(Finding::Kept)
}

/// (SPEC RLY-04)
fn talking_to_oneself(stage: &mut Stage) -> Result<Finding, Fault> {
    // No witness yet: for once the client is alone.
    let mut ann = stage.connect("ann")?;
    ann.say(b"ann")?;
    for text in ["is", "anybody", "here?"] {
        ann.say(text.as_bytes())?;
        stage.settle(&mut ann);
    }
    let mut bob = stage.join("bob")?;
    stage.admit(&mut ann)?;
    stage.relay(&mut ann, b"at last", &mut [&mut bob])?;
    stage.relay(&mut bob, b"hello", &mut [&mut ann])?;
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// A reader that takes whatever one read brings for a whole part has to find every pair whole. Each
/// relay meets it waiting, so that a second write would come too late (SPEC RLY-06).
fn fragile_reader_stays_in_step(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    stage.fence(&mut ann, &mut [&mut bob])?;
    let mut torn = 0;
    for number in 0..FRAGILE_RELAYS {
        ann.say(format!("{number}").as_bytes())?;
        if read_fragile(stage, &mut bob)? == Reading::Torn {
            torn += 1;
        }
    }
    if torn > 0 {
        return Err(Fault::broken(format!(
            "{torn} of {FRAGILE_RELAYS} relays came in parts, and would have been lost"
        )));
    }
    Ok(Finding::Kept)
}

/// The same reader reads nothing for a second, as its user does, while 5000 messages are said in bursts of 1 to
/// 300. They are more than its buffers hold, and it has to find every pair whole (SPEC RLY-12).
fn idle_fragile_reader_finds_whole_pairs(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob, mut cyd) = (stage.join("ann")?, stage.join("bob")?, stage.join("cyd")?);
    stage.fence(&mut ann, &mut [&mut bob, &mut cyd])?;
    let (idle_since, mut said) = (Instant::now(), 0);
    let text = [b'x'; IDLE_TEXT_BYTES];
    while said < IDLE_RELAYS || idle_since.elapsed() < IDLE_TIME {
        // 1 to 300 messages, in no order; then one small one at a time until the second is over.
        let (burst, text) =
            if said < IDLE_RELAYS { (said * 97 % 300 + 1, &text[..]) } else { (1, &text[..0]) };
        let mut frames = BytesMut::new();
        (0..burst).for_each(|_| encode_frame(text, &mut frames));
        ann.write(&frames)?;
        // With the last of them the burst is over.
        for _ in 0..burst {
            cyd.expect(b"ann", Text::Exactly(text), stage.deadline())?;
        }
        said += burst;
    }
    for number in 1..=said {
        if read_fragile(stage, &mut bob)? == Reading::Torn {
            let what = format!("of {said} pairs, number {number} is cut");
            return Err(Fault::broken(what));
        }
    }
    stage.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    Ok(Finding::Kept)
}

/// (SPEC RLY-07)
fn newcomers_hear_no_history(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    for turn in 0..20 {
        stage.relay(&mut ann, format!("early {turn}").as_bytes(), &mut [&mut bob])?;
        let mut late = stage.join(&format!("late{turn}"))?;
        stage.fence(&mut ann, &mut [&mut bob, &mut late])?;
        late.half_close();
        stage.expect_end(&mut late)?;
    }
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// (SPEC RLY-08)
fn last_words_are_relayed(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut bob = stage.join("bob")?;
    let mut left = Vec::new();
    for turn in 0..20 {
        let name = format!("ann{turn}");
        let mut ann = stage.join(&name)?;
        ann.say(b"last words")?;
        ann.half_close();
        bob.expect(name.as_bytes(), Text::Exactly(b"last words"), stage.deadline())?;
        left.push(ann);
    }
    left.push(bob);
    stage.fence_all(&mut left.iter_mut().collect::<Vec<_>>())?;
    Ok(Finding::Kept)
}

/// (SPEC RLY-09)
fn a_flood_arrives_in_full(stage: &mut Stage) -> Result<Finding, Fault> {
    let flood = Flood::over(stage)?;
    for (place, heard) in flood.heard() {
        for speaker in (0..SPEAKERS).filter(|speaker| *speaker != place) {
            let mut numbers: Vec<usize> = heard
                .iter()
                .filter(|word| word.speaker == speaker)
                .map(|word| word.number)
                .collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            if (count, numbers.len()) != (WORDS, WORDS) {
                return Err(Fault::broken(format!(
                    "{} heard {} of {WORDS} messages of {}, and {} of them twice",
                    name(place),
                    numbers.len(),
                    name(speaker),
                    count - numbers.len()
                )));
            }
        }
    }
    flood.end(stage)?;
    Ok(Finding::Kept)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Whole,
    Torn,
}

/// Reads one pair as an old client does: waits for the first header, and takes it that the rest is there.
fn read_fragile(stage: &Stage, client: &mut Client) -> Result<Reading, Fault> {
    let mut reading = Reading::Whole;
    for frame in 0..2 {
        let within = if frame == 0 { stage.deadline() } else { Duration::ZERO };
        let header = read_part(stage, client, HEADER_LEN, within, &mut reading)?;
        let length = parse_header(&header).ok().flatten().and_then(|n| usize::try_from(n).ok());
        let length = length.filter(|&length| length <= PART_BYTES_MAX).ok_or_else(|| {
            let what = "a header is malformed".into();
            Fault::Broken { what, expected: Vec::new(), got: header }
        })?;
        read_part(stage, client, length, Duration::ZERO, &mut reading)?;
    }
    Ok(reading)
}

/// Reads exactly `length` bytes, and notes whether an old client would have gone without some.
fn read_part(
    stage: &Stage,
    client: &mut Client,
    length: usize,
    first_within: Duration,
    reading: &mut Reading,
) -> Result<Vec<u8>, Fault> {
    let mut part = Vec::new();
    let mut within = first_within;
    while part.len() < length {
        match client.receive_raw(length - part.len(), within) {
            Received::Bytes(bytes) => part.extend(bytes),
            Received::Silence if within.is_zero() => {}
            _ => return Err(Fault::broken(format!("{} received no whole pair", client.label()))),
        }
        if part.len() < length {
            *reading = Reading::Torn;
            within = stage.deadline();
        }
    }
    Ok(part)
}

const FRAGILE_RELAYS: usize = 1000;
const IDLE_RELAYS: usize = 5000;
/// All of them are more than the buffers of a client, and less than makes a server wait for one.
const IDLE_TEXT_BYTES: usize = 200;
const IDLE_TIME: Duration = Duration::from_secs(1);
const PART_BYTES_MAX: usize = 2048;
