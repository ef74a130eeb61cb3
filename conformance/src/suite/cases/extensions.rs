//! Cases of the extensions: notices, names, answers, the operator's console.

use bytes::BytesMut;
use protocol::{Pair, encode_frame};

use super::{Case, Finding, Needs};
use crate::suite::blame::Fault;
use crate::suite::client::{Client, Next, Text, encoded};
use crate::suite::stage::Stage;

pub(super) const CASES: &[Case] = &[
    Case::new("EXT-01", Needs::Room, each_is_told_of_once).with(&["--extensions"]),
    Case::new("EXT-06", Needs::Room, thirty_want_one_name).with(&["--extensions"]),
    Case::new("EXT-13", Needs::Sockets, unread_answers_come_first).with(&[
        "--extensions",
        "--patience",
        "1m",
        "--max-name",
        "128",
        "--max-message",
        "64KiB",
    ]),
    Case::new("EXT-14", Needs::Process, operator_is_heard_in_order).with(&["--console"]),
];

/// Twelve come at once with a message behind each name, and leave in four ways, some with last words
/// (SPEC EXT-01).
fn each_is_told_of_once(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut bob = stage.join("bob")?;
    let mut comers = Vec::new();
    for number in 0..12 {
        let mut comer = stage.connect(&format!("comer{number}"))?;
        let name = comer.label().to_owned();
        comer.write(&frames(&[name.as_bytes(), b"hello"]))?;
        comers.push(comer);
    }
    // Only what has been heard is not lost with a reset.
    let mut heard = next_pairs(stage, &mut bob, 2 * comers.len())?;
    let mut lines: usize = 0;
    for (number, comer) in comers.iter_mut().enumerate() {
        lines += end_somehow(comer, number)?;
    }
    heard.extend(next_pairs(stage, &mut bob, lines)?);
    for (number, comer) in comers.iter().enumerate() {
        check_story(comer.label(), number, &heard)?;
    }
    let mut ann = stage.join_among("ann", b"ann", &mut [&mut bob])?;
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Ends a connection in one of four ways; returns how many pairs others will hear of that.
fn end_somehow(comer: &mut Client, number: usize) -> Result<usize, Fault> {
    match number % 4 {
        0 => comer.half_close(),
        1 => comer.reset(),
        2 => comer.write(b"nonsense!!")?,
        _ => {
            comer.write(&[&frames(&[b"bye"])[..], b"5         fra"].concat())?;
            comer.half_close();
            return Ok(2);
        }
    }
    Ok(1)
}

/// Of one member: its coming, what it said, its leaving, each once and in this order.
fn check_story(name: &str, number: usize, heard: &[Pair]) -> Result<(), Fault> {
    let (joined, left) = (format!("{name} has joined"), format!("{name} has left"));
    let mut expected = vec![("server", joined.as_str()), (name, "hello")];
    if number % 4 == 3 {
        expected.push((name, "bye"));
    }
    expected.push(("server", left.as_str()));
    let of_it = |pair: &&Pair| pair.sender == name || pair.text == joined || pair.text == left;
    let got: Vec<u8> = heard.iter().filter(of_it).flat_map(encoded).collect();
    let expected: Vec<u8> = expected
        .iter()
        .flat_map(|(sender, text)| frames(&[sender.as_bytes(), text.as_bytes()]))
        .collect();
    if got == expected {
        return Ok(());
    }
    Err(Fault::Broken { what: format!("others hear otherwise of {name}"), expected, got })
}

/// All ask for it before any of them is answered (SPEC EXT-06, as NAM-02 for newcomers).
fn thirty_want_one_name(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut crowd: Vec<Client> = Vec::new();
    for number in 0..30 {
        let label = format!("crowd{number}");
        let mut present: Vec<&mut Client> = crowd.iter_mut().collect();
        let comer = stage.join_among(&label, label.as_bytes(), &mut present)?;
        crowd.push(comer);
    }
    for client in &mut crowd {
        client.say(b"/nick zed")?;
    }
    let mut names = Vec::new();
    for client in &mut crowd {
        names.push(new_name(stage, client)?);
    }
    names.sort();
    names.dedup();
    if names.len() == crowd.len() && names.iter().any(|name| name == "zed") {
        return Ok(Finding::Kept);
    }
    Err(Fault::broken(format!("30 members asked for the name zed, and are now {names:?}")))
}

/// What the server says a client is called now; others are renamed meanwhile.
fn new_name(stage: &Stage, client: &mut Client) -> Result<String, Fault> {
    while let Next::Pair(pair) = client.next(stage.deadline())? {
        let text = String::from_utf8_lossy(&pair.text);
        if let Some(name) = text.strip_prefix("you are now ") {
            return Ok(name.to_owned());
        }
    }
    Err(Fault::broken(format!("{} is not told of its new name", client.label())))
}

/// Ann asks for more answers than any socket holds, says something, and reads nothing (SPEC EXT-13).
fn unread_answers_come_first(stage: &mut Stage) -> Result<Finding, Fault> {
    // Long names make long answers.
    let mut present: Vec<Client> = Vec::new();
    for number in 10..22 {
        let name = format!("{number}{}", "\u{1f980}".repeat(30));
        let mut others: Vec<&mut Client> = present.iter_mut().collect();
        let comer = stage.join_among(&format!("long{number}"), name.as_bytes(), &mut others)?;
        present.push(comer);
    }
    let mut others: Vec<&mut Client> = present.iter_mut().collect();
    let mut ann = stage.join_among("ann", b"ann", &mut others)?;
    let asked = VOLUME_BYTES / ANSWER_BYTES;
    let mut segment = frames(&[b"/who"]).repeat(asked);
    segment.extend(frames(&[b"told you"]));
    ann.write(&segment)?;
    let (bob, others) = present.split_first_mut().expect("twelve are there");
    for turn in 0..50 {
        // Had what ann said been carried out, it would come first.
        stage.relay(&mut others[0], format!("turn {turn}").as_bytes(), &mut [&mut *bob])?;
    }
    for _ in 0..asked {
        next_answer(stage, &mut ann)?;
    }
    pairs_until(stage, bob, "told you")?;
    Ok(Finding::Kept)
}

/// The next pair from the server; what others say may come before it.
fn next_answer(stage: &Stage, client: &mut Client) -> Result<(), Fault> {
    while let Next::Pair(pair) = client.next(stage.deadline())? {
        if pair.sender == "server" {
            return Ok(());
        }
    }
    Err(Fault::broken(format!("{} lacks an answer", client.label())))
}

/// The operator types while a member talks: two others hear one order, and all of it (SPEC EXT-14).
fn operator_is_heard_in_order(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob, mut cyd) = (stage.join("ann")?, stage.join("bob")?, stage.join("cyd")?);
    stage.type_at_console("the kettle is on \u{2615}\n")?;
    for client in [&mut ann, &mut bob, &mut cyd] {
        let text = Text::Exactly("the kettle is on \u{2615}".as_bytes());
        client.expect(b"server", text, stage.deadline())?;
    }
    for turn in 0..100 {
        stage.type_at_console(&format!("typed {turn}\n"))?;
        ann.say(format!("said {turn}").as_bytes())?;
    }
    let to_bob = next_pairs(stage, &mut bob, 200)?;
    if to_bob != next_pairs(stage, &mut cyd, 200)? {
        return Err(Fault::broken("two members hear the operator at different places"));
    }
    for (sender, verb) in [("server", "typed"), ("ann", "said")] {
        let said = to_bob.iter().filter(|pair| pair.sender == sender);
        if !said
            .map(|pair| String::from_utf8_lossy(&pair.text))
            .eq((0..100).map(|turn| format!("{verb} {turn}")))
        {
            return Err(Fault::broken(format!("not all that {sender} said is heard in its order")));
        }
    }
    Ok(Finding::Kept)
}

/// The next `count` pairs of a client.
pub(super) fn next_pairs(
    stage: &Stage,
    client: &mut Client,
    count: usize,
) -> Result<Vec<Pair>, Fault> {
    let mut pairs = Vec::new();
    while pairs.len() < count {
        let Next::Pair(pair) = client.next(stage.deadline())? else {
            let what = format!("{} hears {} of {count} pairs", client.label(), pairs.len());
            let got = pairs.last().map(encoded).unwrap_or_default();
            return Err(Fault::Broken { what, expected: Vec::new(), got });
        };
        pairs.push(pair);
    }
    Ok(pairs)
}

/// What a client hears before this text.
pub(super) fn pairs_until(
    stage: &Stage,
    client: &mut Client,
    text: &str,
) -> Result<Vec<Pair>, Fault> {
    let mut before = Vec::new();
    while let Next::Pair(pair) = client.next(stage.deadline())? {
        if pair.text == text {
            return Ok(before);
        }
        before.push(pair);
    }
    Err(Fault::broken(format!("{} does not hear `{text}`", client.label())))
}

/// Frames in one piece.
pub(super) fn frames(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    for payload in payloads {
        encode_frame(payload, &mut bytes);
    }
    bytes.to_vec()
}

/// More than the sockets of a connection hold unread: 3.0 to 4.3 MB were measured on loopback.
pub(super) const VOLUME_BYTES: usize = 6 << 20;
/// What twelve names of 122 bytes come to, with the commas between them.
const ANSWER_BYTES: usize = 12 * 124;
