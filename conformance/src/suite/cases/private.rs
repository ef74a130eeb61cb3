//! Cases of private messages: whom they reach, where they stand, and what becomes of one too many.

use std::collections::HashMap;

use protocol::Pair;

use super::extensions::{VOLUME_BYTES, frames, next_pairs, pairs_until};
use super::{Case, Finding, Needs};
use crate::suite::blame::{Fault, needed};
use crate::suite::client::{Client, Text, encoded};
use crate::suite::stage::Stage;
use crate::support::token::mixed;

pub(super) const CASES: &[Case] = &[
    Case::new("EXT-04", Needs::Room, one_connection_or_none).with(&["--extensions"]),
    Case::new("EXT-12", Needs::Sockets, full_target_is_reported).with(&[
        "--extensions",
        "--direct-bytes",
        "4KiB",
        "--max-message",
        "64KiB",
    ]),
    Case::new("ORD-06", Needs::Room, private_words_keep_their_places).with(&["--extensions"]),
];

/// Ann writes to bob in bursts while he changes his name, leaves and comes back, and while cyd takes his
/// name: each text reaches one connection, or ann is told (SPEC EXT-04).
fn one_connection_or_none(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut ann = stage.join("ann")?;
    let mut bob = stage.join_among("bob", b"bob", &mut [&mut ann])?;
    let mut cyd = stage.join_among("cyd", b"cyd", &mut [&mut ann, &mut bob])?;
    for round in 0..RACE_ROUNDS {
        let dice = mixed(stage.seed().wrapping_add(round));
        let burst = burst(round);
        let moves = |bob: &mut Client, cyd: &mut Client| move_about(dice, bob, cyd);
        // Whose bytes are first on their way is drawn, too.
        if dice & 1 == 0 {
            ann.write(&burst)?;
            moves(&mut bob, &mut cyd)?;
        } else {
            moves(&mut bob, &mut cyd)?;
            ann.write(&burst)?;
        }
        let over = format!("over {round}");
        let to_ann = pairs_until(stage, &mut ann, &format!("(private) {over}"))?;
        let to_cyd = pairs_until(stage, &mut cyd, &over)?;
        let to_bob = if bob.can_speak() {
            pairs_until(stage, &mut bob, &over)?
        } else {
            let last = stage.read_to_end(&mut bob)?;
            // Its name may have become cyd's meanwhile: then it gets a number.
            bob = stage.join("bob")?;
            last
        };
        check_burst(round, &to_ann, &[&to_bob, &to_cyd])?;
    }
    Ok(Finding::Kept)
}

/// Some private texts, and a mark behind them: one for ann herself, one for everybody else.
fn burst(round: u64) -> Vec<u8> {
    let texts = (0..BURST).map(|number| format!("/msg bob {round}.{number}"));
    let marks = [format!("/msg ann over {round}"), format!("over {round}")];
    texts.chain(marks).flat_map(|text| frames(&[text.as_bytes()])).collect()
}

fn move_about(dice: u64, bob: &mut Client, cyd: &mut Client) -> Result<(), Fault> {
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

/// Every text of a burst is with one connection, or its sender was told.
fn check_burst(round: u64, to_ann: &[Pair], to_others: &[&Vec<Pair>]) -> Result<(), Fault> {
    let mut found: HashMap<&[u8], usize> = HashMap::new();
    let private = |pair: &&Pair| pair.sender == "ann" && pair.text.starts_with(b"(private) ");
    for pair in to_others.iter().copied().flatten().filter(private) {
        *found.entry(&pair.text).or_default() += 1;
    }
    if let Some((text, times)) = found.iter().find(|(_, times)| **times > 1) {
        let text = String::from_utf8_lossy(text);
        return Err(Fault::broken(format!("`{text}` reaches {times} connections")));
    }
    let told = to_ann.iter().filter(|pair| pair.text == "nobody here is called bob").count();
    if found.len() + told == BURST {
        return Ok(());
    }
    Err(Fault::broken(format!(
        "in round {round}, of {BURST} private messages {} arrive, and of {told} their sender is told \
         that they do not",
        found.len(),
    )))
}

/// Bob reads nothing until ann has been told that he is full; then he gets what was accepted, and no more
/// (SPEC EXT-12).
fn full_target_is_reported(stage: &mut Stage) -> Result<Finding, Fault> {
    let unread_max = needed(stage.declared().direct_bytes, "limit of private text")? + VOLUME_BYTES;
    let mut ann = stage.join("ann")?;
    let mut bob = stage.join_among("bob", b"bob", &mut [&mut ann])?;
    let mut cyd = stage.join_among("cyd", b"cyd", &mut [&mut ann, &mut bob])?;
    let text = |number: usize| format!("{number} {}", "x".repeat(8000));
    let mut accepted = 0;
    loop {
        ann.write(&frames(&[format!("/msg bob {}", text(accepted)).as_bytes(), b"/msg ann next"]))?;
        match pairs_until(stage, &mut ann, "(private) next")?.as_slice() {
            [] => accepted += 1,
            [report] if report.sender == "server" => break,
            others => return Err(unexpected("ann", &others[0])),
        }
        if accepted * 8000 > unread_max {
            let what = format!("bob has {accepted} private texts unread, and nobody is told");
            return Err(Fault::broken(what));
        }
    }
    for number in 0..accepted {
        let private = format!("(private) {}", text(number));
        bob.expect(b"ann", Text::Exactly(private.as_bytes()), stage.deadline())?;
    }
    ann.say(b"/msg bob there is room again")?;
    bob.expect(b"ann", Text::Exactly(b"(private) there is room again"), stage.deadline())?;
    stage.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    Ok(Finding::Kept)
}

/// Two hundred messages with a private one behind each, while another member talks (SPEC ORD-06).
fn private_words_keep_their_places(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut ann = stage.join("ann")?;
    let mut bob = stage.join_among("bob", b"bob", &mut [&mut ann])?;
    let mut cyd = stage.join_among("cyd", b"cyd", &mut [&mut ann, &mut bob])?;
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
    let of_ann = next_pairs(stage, &mut bob, expected.len() + 20)?;
    let mut of_ann = of_ann.iter().filter(|pair| pair.sender == "ann");
    for expected in expected {
        let pair = of_ann.next().filter(|pair| pair.text == expected);
        pair.ok_or_else(|| Fault::broken(format!("bob does not hear `{expected}` at its place")))?;
    }
    Ok(Finding::Kept)
}

fn unexpected(who: &str, pair: &Pair) -> Fault {
    let what = format!("{who} received a pair that is not its due");
    Fault::Broken { what, expected: Vec::new(), got: encoded(pair) }
}

const RACE_ROUNDS: u64 = 60;
const BURST: usize = 5;
