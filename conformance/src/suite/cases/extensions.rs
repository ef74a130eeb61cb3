//! Extensions: cases of notices, names, answers and the operator's console.

use bytes::BytesMut;
use protocol::{Pair, encode_frame};

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Next, Text, encoded};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

pub(super) const CASES: &[Case] = &[
    Case::new("EXT-01", Needs::Room, every_join_and_leave_is_notified_once).with(&["--extensions"]),
    Case::new("EXT-06", Needs::Room, thirty_ask_for_one_name).with(&["--extensions"]),
    Case::new("EXT-13", Needs::Sockets, unread_answers_come_first).with(&[
        "--extensions",
        "--patience",
        "1m",
        "--max-name",
        "128",
        "--max-message",
        "64KiB",
    ]),
    Case::new("EXT-14", Needs::Process, operator_lines_arrive_in_order).with(&["--console"]),
];

/// Twelve clients join at once, each with a message after its name, and leave in four ways; three
/// of them send a message before (SPEC EXT-01).
fn every_join_and_leave_is_notified_once(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut bob = fixture.join("bob")?;
    let mut newcomers = Vec::new();
    for number in 0..12 {
        let mut newcomer = fixture.connect(&format!("newcomer{number}"))?;
        let name = newcomer.label().to_owned();
        newcomer.write(&frames(&[name.as_bytes(), b"hello"]))?;
        newcomers.push(newcomer);
    }
    // The test waits for these pairs, because a reset may discard what the server has not read.
    let mut received = next_pairs(fixture, &mut bob, 2 * newcomers.len())?;
    let mut lines: usize = 0;
    for (number, newcomer) in newcomers.iter_mut().enumerate() {
        lines += end_in_one_of_four_ways(newcomer, number)?;
    }
    received.extend(next_pairs(fixture, &mut bob, lines)?);
    for (number, newcomer) in newcomers.iter().enumerate() {
        check_notices(newcomer.label(), number, &received)?;
    }
    let mut ann = fixture.join_among("ann", b"ann", &mut [&mut bob])?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Ends a connection in one of four ways, and returns how many pairs the others receive because of
/// it.
fn end_in_one_of_four_ways(newcomer: &mut Client, number: usize) -> Result<usize, TestError> {
    match number % 4 {
        0 => newcomer.half_close(),
        1 => newcomer.reset(),
        2 => newcomer.write(b"nonsense!!")?,
        _ => {
            newcomer.write(&[&frames(&[b"bye"])[..], b"5         fra"].concat())?;
            newcomer.half_close();
            return Ok(2);
        }
    }
    Ok(1)
}

/// Checks the pairs about one member: its joining, its messages and its leaving, each once and in
/// this order.
fn check_notices(name: &str, number: usize, received: &[Pair]) -> Result<(), TestError> {
    let (joined, left) = (format!("{name} has joined"), format!("{name} has left"));
    let mut expected = vec![("server", joined.as_str()), (name, "hello")];
    if number % 4 == 3 {
        expected.push((name, "bye"));
    }
    expected.push(("server", left.as_str()));
    let of_this_member =
        |pair: &&Pair| pair.sender == name || pair.text == joined || pair.text == left;
    let received: Vec<u8> = received.iter().filter(of_this_member).flat_map(encoded).collect();
    let expected: Vec<u8> = expected
        .iter()
        .flat_map(|(sender, text)| frames(&[sender.as_bytes(), text.as_bytes()]))
        .collect();
    if received == expected {
        return Ok(());
    }
    let what =
        format!("bob received other pairs about {name} than its joining, messages and leaving");
    Err(TestError::Broken { what, expected, received })
}

/// All ask for the same name before the server answers any of them (SPEC EXT-06; NAM-02 for new
/// members).
fn thirty_ask_for_one_name(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut members: Vec<Client> = Vec::new();
    for number in 0..30 {
        let label = format!("member{number}");
        let mut present: Vec<&mut Client> = members.iter_mut().collect();
        let newcomer = fixture.join_among(&label, label.as_bytes(), &mut present)?;
        members.push(newcomer);
    }
    for client in &mut members {
        client.say(b"/nick zed")?;
    }
    let mut names = Vec::new();
    for client in &mut members {
        names.push(new_name(fixture, client)?);
    }
    names.sort();
    names.dedup();
    if names.len() == members.len() && names.iter().any(|name| name == "zed") {
        return Ok(Finding::Kept);
    }
    Err(TestError::broken(format!(
        "30 members asked for the name zed, and the server named them {names:?}"
    )))
}

/// The new name in the server's answer to a client; notices about other members may arrive before
/// it.
fn new_name(fixture: &Fixture, client: &mut Client) -> Result<String, TestError> {
    while let Next::Pair(pair) = client.next(fixture.deadline())? {
        let text = String::from_utf8_lossy(&pair.text);
        if let Some(name) = text.strip_prefix("you are now ") {
            return Ok(name.to_owned());
        }
    }
    Err(TestError::broken(format!("the server did not send {} its new name", client.label())))
}

/// Ann asks for more answers than a socket holds, sends a message, and reads nothing (SPEC EXT-13).
fn unread_answers_come_first(fixture: &mut Fixture) -> Result<Finding, TestError> {
    // Long names make long answers.
    let mut present: Vec<Client> = Vec::new();
    for number in 10..22 {
        let name = format!("{number}{}", "\u{1f980}".repeat(30));
        let mut others: Vec<&mut Client> = present.iter_mut().collect();
        let newcomer =
            fixture.join_among(&format!("long{number}"), name.as_bytes(), &mut others)?;
        present.push(newcomer);
    }
    let mut others: Vec<&mut Client> = present.iter_mut().collect();
    let mut ann = fixture.join_among("ann", b"ann", &mut others)?;
    let asked = VOLUME_BYTES / ANSWER_BYTES;
    let mut segment = frames(&[b"/who"]).repeat(asked);
    segment.extend(frames(&[b"after all answers"]));
    ann.write(&segment)?;
    let (bob, others) = present.split_first_mut().expect("twelve are there");
    for turn in 0..50 {
        // If the server had relayed ann's message, bob would receive it first.
        fixture.relay(&mut others[0], format!("turn {turn}").as_bytes(), &mut [&mut *bob])?;
    }
    for _ in 0..asked {
        next_answer(fixture, &mut ann)?;
    }
    pairs_until(fixture, bob, "after all answers")?;
    Ok(Finding::Kept)
}

/// Waits for the next pair from the server; messages of other members may arrive before it.
fn next_answer(fixture: &Fixture, client: &mut Client) -> Result<(), TestError> {
    while let Next::Pair(pair) = client.next(fixture.deadline())? {
        if pair.sender == "server" {
            return Ok(());
        }
    }
    Err(TestError::broken(format!("the server did not send {} all answers", client.label())))
}

/// The operator types while a member sends: two other members receive everything, in one order
/// (SPEC EXT-14).
fn operator_lines_arrive_in_order(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    fixture.type_at_console("the kettle is on \u{2615}\n")?;
    for client in [&mut ann, &mut bob, &mut cyd] {
        let text = Text::Exactly("the kettle is on \u{2615}".as_bytes());
        client.expect(b"server", text, fixture.deadline())?;
    }
    for turn in 0..100 {
        fixture.type_at_console(&format!("typed {turn}\n"))?;
        ann.say(format!("said {turn}").as_bytes())?;
    }
    let to_bob = next_pairs(fixture, &mut bob, 200)?;
    if to_bob != next_pairs(fixture, &mut cyd, 200)? {
        let what =
            "bob and cyd received the operator's lines and ann's messages in different orders";
        return Err(TestError::broken(what));
    }
    for (sender, verb) in [("server", "typed"), ("ann", "said")] {
        let said = to_bob.iter().filter(|pair| pair.sender == sender);
        if !said
            .map(|pair| String::from_utf8_lossy(&pair.text))
            .eq((0..100).map(|turn| format!("{verb} {turn}")))
        {
            return Err(TestError::broken(format!(
                "bob did not receive everything from {sender} in the order in which it was sent"
            )));
        }
    }
    Ok(Finding::Kept)
}

/// The next `count` pairs of a client.
pub(super) fn next_pairs(
    fixture: &Fixture,
    client: &mut Client,
    count: usize,
) -> Result<Vec<Pair>, TestError> {
    let mut pairs = Vec::new();
    while pairs.len() < count {
        let Next::Pair(pair) = client.next(fixture.deadline())? else {
            let (label, number) = (client.label(), pairs.len());
            let what = format!("the server sent {label} only {number} of {count} pairs");
            let received = pairs.last().map(encoded).unwrap_or_default();
            return Err(TestError::Broken { what, expected: Vec::new(), received });
        };
        pairs.push(pair);
    }
    Ok(pairs)
}

/// What a client receives before a pair with this text.
pub(super) fn pairs_until(
    fixture: &Fixture,
    client: &mut Client,
    text: &str,
) -> Result<Vec<Pair>, TestError> {
    let mut before = Vec::new();
    while let Next::Pair(pair) = client.next(fixture.deadline())? {
        if pair.text == text {
            return Ok(before);
        }
        before.push(pair);
    }
    Err(TestError::broken(format!("the server did not send `{text}` to {}", client.label())))
}

/// Frames of these payloads, one after the other.
pub(super) fn frames(payloads: &[&[u8]]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    for payload in payloads {
        encode_frame(payload, &mut bytes);
    }
    bytes.to_vec()
}

/// More than the sockets of a connection hold unread; 3.0 to 4.3 MB were measured on loopback.
pub(super) const VOLUME_BYTES: usize = 6 << 20;
/// The length of a list of twelve names of 122 bytes, with commas.
const ANSWER_BYTES: usize = 12 * 124;
