//! Client: cases of the rules for clients.

use std::os::unix::process::ExitStatusExt;

use bytes::Bytes;
use protocol::pair;

use super::{ClientCase, Finding};
use crate::process::{ClientEnd, Stdout};
use crate::suite::client_fixture::{ClientFixture, ClientUnderTest};
use crate::suite::error::TestError;

pub(super) const CASES: &[ClientCase] = &[
    ClientCase { id: "CLI-01", run: same_pairs_at_every_cut },
    ClientCase { id: "CLI-02", run: control_sequences_are_shown },
    ClientCase { id: "CLI-03", run: every_end_of_the_connection_ends_the_client },
];

/// Sends three pairs again and again, each time cut at another byte, and then byte by byte (SPEC
/// CLI-01).
fn same_pairs_at_every_cut(fixture: &ClientFixture<'_>) -> Result<Finding, TestError> {
    let mut client = fixture.start(Stdout::Pipe)?;
    let length = script(0).len();
    for cut in 1..length {
        let script = script(cut);
        // If the client has left, its output below shows at which cut.
        if send_in_parts(&mut client, &[&script[..cut], &script[cut..]]).is_err() {
            break;
        }
    }
    let script = script(length);
    send_in_parts(&mut client, &script.chunks(1).collect::<Vec<_>>()).ok();
    let has_assumed_reads = client.has_assumed_reads();
    let shown = String::from_utf8_lossy(&client.close()?.stdout).into_owned();
    let mut rest = &shown[..];
    for cut in 1..=length {
        for (name, text) in pairs(cut) {
            rest =
                after_pair(rest, name, &text).ok_or_else(|| missing(name, &text, cut, length))?;
        }
    }
    if has_assumed_reads {
        let note = "whether the client read each piece by itself could not be seen";
        return Ok(Finding::Noted(note.into()));
    }
    Ok(Finding::Kept)
}

fn send_in_parts(client: &mut ClientUnderTest, parts: &[&[u8]]) -> Result<(), TestError> {
    for part in parts {
        client.send(part)?;
        client.await_read()?;
    }
    Ok(())
}

/// What the client printed after a pair. The pair has to be on the next line with a marked text,
/// and only there.
fn after_pair<'a>(shown: &'a str, name: &str, text: &str) -> Option<&'a str> {
    let (before, rest) = shown.split_once(text)?;
    let line = before.lines().last().unwrap_or_default();
    let is_next = !before.contains(MARK) && line.contains(name);
    (is_next && !rest.contains(text)).then_some(rest)
}

fn missing(name: &str, text: &str, cut: usize, length: usize) -> TestError {
    let place = if cut < length { format!("a cut at byte {cut}") } else { "every cut".into() };
    TestError::broken(format!(
        "after {place}, the client did not print `{text}` by {name} once and in its place"
    ))
}

/// The bytes of three pairs. Their number is the same for every turn.
fn script(turn: usize) -> Vec<u8> {
    pairs(turn).iter().flat_map(|(name, text)| encoded(name, text)).collect()
}

fn pairs(turn: usize) -> [(&'static str, String); 3] {
    [
        ("ann", format!("{MARK}{turn:03} one")),
        ("Zoë 🦀", format!("{MARK}{turn:03} 8         سلام")),
        ("bob", format!("{MARK}{turn:03} three")),
    ]
}

/// Sends each control sequence between two marks, in a name and in a text, to a client on a
/// terminal (SPEC CLI-02).
fn control_sequences_are_shown(fixture: &ClientFixture<'_>) -> Result<Finding, TestError> {
    let mut client = fixture.start(Stdout::Terminal)?;
    for (number, sequence) in CONTROL_SEQUENCES.iter().enumerate() {
        let marked = format!("({number}a{sequence}b{number})");
        client.send(&encoded(&marked, "a name"))?;
        client.send(&encoded("eve", &marked))?;
    }
    let shown = String::from_utf8_lossy(&client.close()?.stdout).into_owned();
    for (number, sequence) in CONTROL_SEQUENCES.iter().enumerate() {
        let (open, close) = (format!("({number}a"), format!("b{number})"));
        let mut between = shown.split(&open).skip(1);
        for place in ["a name", "a text"] {
            let part =
                between.next().and_then(|rest| rest.split_once(&close)).map(|(part, _)| part);
            let part = part.ok_or_else(|| {
                let sequence = sequence.escape_unicode();
                TestError::broken(format!("the client did not print {place} with {sequence}"))
            })?;
            check_part(place, sequence, part)?;
        }
    }
    Ok(Finding::Kept)
}

/// Checks what a client printed for a control sequence: it has to be visible, and not the sequence.
fn check_part(place: &str, sequence: &str, part: &str) -> Result<(), TestError> {
    let hostile = |char: char| char.is_control() || turns_direction(char);
    let what = if part.contains(hostile) {
        "reaches the terminal unchanged"
    } else if part == sequence.replace(hostile, "") {
        "is omitted instead of made visible"
    } else {
        return Ok(());
    };
    let what = format!("in {place}, {} {what}", sequence.escape_unicode());
    Err(TestError::Broken { what, expected: Vec::new(), received: part.into() })
}

fn turns_direction(char: char) -> bool {
    matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The client exits with a reason after a FIN, a reset, an end inside a pair and a giant length
/// (SPEC CLI-03).
fn every_end_of_the_connection_ends_the_client(
    fixture: &ClientFixture<'_>,
) -> Result<Finding, TestError> {
    let whole = encoded("ann", "hello");
    let mut client = fixture.start(Stdout::Pipe)?;
    client.send(&whole)?;
    check_end(&client.close()?, "an end between two pairs")?;
    let mut client = fixture.start(Stdout::Pipe)?;
    client.send(&whole)?;
    check_end(&client.reset()?, "a reset")?;
    for cut in INSIDE_A_PAIR {
        let mut client = fixture.start(Stdout::Pipe)?;
        client.send(&whole[..cut])?;
        check_end(&client.close()?, &format!("an end at byte {cut} of a pair"))?;
    }
    for before in [&b""[..], b"3         ann"] {
        let mut client = fixture.start(Stdout::Pipe)?;
        client.limit_memory();
        client.send(&[before, b"9999999999"].concat())?;
        // The suite sends nothing more and does not close: the client must not wait for the rest.
        check_end(&client.wait("a header announced a giant length")?, "a giant length")?;
    }
    Ok(Finding::Kept)
}

fn check_end(left: &ClientEnd, after: &str) -> Result<(), TestError> {
    let printed = [&left.stdout[..], &left.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    let reason = printed.lines().filter(|line| !line.contains("hello")).collect::<String>();
    let what = if let Some(signal) = left.status.signal() {
        format!("signal {signal} ended the client after {after}")
    } else if CRASHES.iter().any(|crash| printed.contains(crash)) {
        format!("the client crashed after {after}")
    } else if reason.trim().is_empty() {
        format!("the client printed no reason after {after}")
    } else {
        return Ok(());
    };
    Err(TestError::Broken { what, expected: Vec::new(), received: printed.as_bytes().into() })
}

fn encoded(name: &str, text: &str) -> Bytes {
    pair(name.as_bytes(), text.as_bytes())
}

/// The beginning of every text, so that the test finds each of them.
const MARK: &str = "turn-";

/// Control sequences for terminals (erase the screen, set the title, carriage return, bell,
/// backspace, line feed and others), and characters that change the direction of text.
const CONTROL_SEQUENCES: [&str; 12] = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\r",
    "\x07",
    "\x08",
    "\nbob > yes",
    "\0",
    "\x7f",
    "\u{85}",
    "\u{9b}31m",
    "\u{202e}",
    "\u{2066}",
];

/// Inside the name's header, after it, inside the name, after it, inside the message's header, and
/// inside the message.
const INSIDE_A_PAIR: [usize; 6] = [1, 10, 12, 13, 20, 25];

/// What the runtime of a crashed program prints.
const CRASHES: [&str; 2] = ["panicked at", "Traceback (most recent call last)"];
