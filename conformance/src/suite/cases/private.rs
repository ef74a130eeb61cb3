//! Private: cases of private messages: which connection receives them, in which order, and with
//! which bound.

use std::collections::HashMap;

use protocol::Pair;

use super::extensions::{VOLUME_BYTES, frames, next_pairs, pairs_until};
use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Text, encoded};
use crate::suite::error::{TestError, needed};
use crate::suite::fixture::Fixture;
use crate::support::token::mixed;

pub(super) const CASES: &[Case] = &[
    Case::new("EXT-04", Needs::Room, private_message_reaches_one_connection_or_none)
        .with(&["--extensions"]),
    Case::new("EXT-12", Needs::Sockets, full_recipient_is_reported).with(&[
        "--extensions",
        "--direct-bytes",
        "4KiB",
        "--max-message",
        "64KiB",
    ]),
    Case::new("ORD-06", Needs::Room, private_messages_keep_their_places).with(&["--extensions"]),
];

/// Ann sends bursts of private messages to bob while he changes his name, leaves and joins again,
/// and while cyd takes his name. Each message reaches one connection, or the server reports that it
/// reached none (SPEC EXT-04).
fn private_message_reaches_one_connection_or_none(
    fixture: &mut Fixture,
) -> Result<Finding, TestError> {
    let mut ann = fixture.join("ann")?;
    let mut bob = fixture.join_among("bob", b"bob", &mut [&mut ann])?;
    let mut cyd = fixture.join_among("cyd", b"cyd", &mut [&mut ann, &mut bob])?;
    for round in 0..RACE_ROUNDS {
        let dice = mixed(fixture.seed().wrapping_add(round));
        let burst = burst(round);
        let change = |bob: &mut Client, cyd: &mut Client| change_members(dice, bob, cyd);
        // Which of them writes first is random too.
        if dice & 1 == 0 {
            ann.write(&burst)?;
            change(&mut bob, &mut cyd)?;
        } else {
            change(&mut bob, &mut cyd)?;
            ann.write(&burst)?;
        }
        let over = format!("over {round}");
        let to_ann = pairs_until(fixture, &mut ann, &format!("(private) {over}"))?;
        let to_cyd = pairs_until(fixture, &mut cyd, &over)?;
        let to_bob = if bob.can_send() {
            pairs_until(fixture, &mut bob, &over)?
        } else {
            let last = fixture.read_to_end(&mut bob)?;
            // Cyd may have taken the name meanwhile; bob then gets a number.
            bob = fixture.join("bob")?;
            last
        };
        check_burst(round, &to_ann, &[&to_bob, &to_cyd])?;
    }
    Ok(Finding::Kept)
}

/// Some private messages, and after them one private message to ann and one message to all as
/// marks.
fn burst(round: u64) -> Vec<u8> {
    let texts = (0..BURST).map(|number| format!("/msg bob {round}.{number}"));
    let marks = [format!("/msg ann over {round}"), format!("over {round}")];
    texts.chain(marks).flat_map(|text| frames(&[text.as_bytes()])).collect()
}

fn change_members(dice: u64, bob: &mut Client, cyd: &mut Client) -> Result<(), TestError> {
    match (dice >> 1) % 4 {
        0 => bob.say(b"/nick rob")?,
        1 => bob.say(b"/nick bob")?,
        2 => bob.half_close(),
        _ => {}
    }
    match (dice >> 3) % 3 {
        0 => cyd.say(b"/nick bob"),
        1 => cyd.say(b"/nick cyd"),
        _ => Ok(()),
    }
}

/// Checks that every message of a burst reached one connection, or that the server reported it.
fn check_burst(round: u64, to_ann: &[Pair], to_others: &[&Vec<Pair>]) -> Result<(), TestError> {
    let mut found: HashMap<&[u8], usize> = HashMap::new();
    let private = |pair: &&Pair| pair.sender == "ann" && pair.text.starts_with(b"(private) ");
    for pair in to_others.iter().copied().flatten().filter(private) {
        *found.entry(&pair.text).or_default() += 1;
    }
    if let Some((text, times)) = found.iter().find(|(_, times)| **times > 1) {
        let text = String::from_utf8_lossy(text);
        return Err(TestError::broken(format!("`{text}` reached {times} connections")));
    }
    let reported = to_ann.iter().filter(|pair| pair.text == "nobody here is called bob").count();
    if found.len() + reported == BURST {
        return Ok(());
    }
    Err(TestError::broken(format!(
        "in round {round}, {} of {BURST} private messages reached bob or cyd, and the server reported \
         {reported} to ann as undeliverable",
        found.len(),
    )))
}

/// Bob reads nothing until the server reports to ann that his queue is full. He then receives
/// exactly the messages that the server had accepted (SPEC EXT-12).
fn full_recipient_is_reported(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let unread_max =
        needed(fixture.declared().direct_bytes, "limit of private text")? + VOLUME_BYTES;
    let mut ann = fixture.join("ann")?;
    let mut bob = fixture.join_among("bob", b"bob", &mut [&mut ann])?;
    let mut cyd = fixture.join_among("cyd", b"cyd", &mut [&mut ann, &mut bob])?;
    let text = |number: usize| format!("{number} {}", "x".repeat(8000));
    let mut accepted = 0;
    loop {
        ann.write(&frames(&[format!("/msg bob {}", text(accepted)).as_bytes(), b"/msg ann next"]))?;
        match pairs_until(fixture, &mut ann, "(private) next")?.as_slice() {
            [] => accepted += 1,
            [report] if report.sender == "server" => break,
            others => return Err(unexpected("ann", &others[0])),
        }
        if accepted * 8000 > unread_max {
            let what = format!(
                "bob has {accepted} private messages unread, and the server reports nothing to ann"
            );
            return Err(TestError::broken(what));
        }
    }
    for number in 0..accepted {
        let private = format!("(private) {}", text(number));
        bob.expect(b"ann", Text::Exactly(private.as_bytes()), fixture.deadline())?;
    }
    ann.say(b"/msg bob there is room again")?;
    bob.expect(b"ann", Text::Exactly(b"(private) there is room again"), fixture.deadline())?;
    fixture.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    Ok(Finding::Kept)
}

/// Two hundred messages, each followed by a private one, while another member sends (SPEC ORD-06).
fn private_messages_keep_their_places(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut ann = fixture.join("ann")?;
    let mut bob = fixture.join_among("bob", b"bob", &mut [&mut ann])?;
    let mut cyd = fixture.join_among("cyd", b"cyd", &mut [&mut ann, &mut bob])?;
    let mut expected = Vec::new();
    for burst in 0..20 {
        let mut segment = Vec::new();
        for number in burst * 10..burst * 10 + 10 {
            segment.extend(frames(&[format!("{number}").as_bytes()]));
            segment.extend(frames(&[format!("/msg bob {number}").as_bytes()]));
            expected.extend([format!("{number}"), format!("(private) {number}")]);
        }
        cyd.say(b"meanwhile")?;
        ann.write(&segment)?;
    }
    let of_ann = next_pairs(fixture, &mut bob, expected.len() + 20)?;
    let mut of_ann = of_ann.iter().filter(|pair| pair.sender == "ann");
    for expected in expected {
        let pair = of_ann.next().filter(|pair| pair.text == expected);
        pair.ok_or_else(|| {
            TestError::broken(format!("bob did not receive `{expected}` in its place"))
        })?;
    }
    Ok(Finding::Kept)
}

fn unexpected(who: &str, pair: &Pair) -> TestError {
    let what = format!("{who} received an unexpected pair");
    TestError::Broken { what, expected: Vec::new(), received: encoded(pair) }
}

const RACE_ROUNDS: u64 = 60;
const BURST: usize = 5;
