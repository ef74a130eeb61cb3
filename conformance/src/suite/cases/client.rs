//! Cases of clients: what they make of what a server sends.

use std::os::unix::process::ExitStatusExt;

use bytes::Bytes;
use protocol::pair;

use super::{ClientCase, Finding};
use crate::process::{ClientEnd, Stdout};
use crate::suite::blame::Fault;
use crate::suite::visit::{Visit, Visits};

pub(super) const CASES: &[ClientCase] = &[
    ClientCase { id: "CLI-01", run: same_pairs_at_every_cut },
    ClientCase { id: "CLI-02", run: orders_are_shown },
    ClientCase { id: "CLI-03", run: every_end_ends_it },
];

/// Three pairs again and again, each time cut at another place, and then byte by byte (SPEC CLI-01).
fn same_pairs_at_every_cut(visits: &Visits<'_>) -> Result<Finding, Fault> {
    let mut visit = visits.begin(Stdout::Pipe)?;
    let length = script(0).len();
    for cut in 1..length {
        let script = script(cut);
        // A client that leaves is known by what it has not shown.
        if send_in_parts(&mut visit, &[&script[..cut], &script[cut..]]).is_err() {
            break;
        }
    }
    let script = script(length);
    send_in_parts(&mut visit, &script.chunks(1).collect::<Vec<_>>()).ok();
    let was_paced = visit.was_paced();
    let shown = String::from_utf8_lossy(&visit.close()?.stdout).into_owned();
    let mut rest = &shown[..];
    for cut in 1..=length {
        for (name, text) in pairs(cut) {
            rest = behind(rest, name, &text).ok_or_else(|| missing(name, &text, cut, length))?;
        }
    }
    if was_paced {
        return Ok(Finding::Noted("cuts were paced, not seen".into()));
    }
    Ok(Finding::Kept)
}

fn send_in_parts(visit: &mut Visit, parts: &[&[u8]]) -> Result<(), Fault> {
    for part in parts {
        visit.send(part)?;
        visit.settle()?;
    }
    Ok(())
}

/// What is shown behind a pair, which has to be on the next line that holds its text.
fn behind<'a>(shown: &'a str, name: &str, text: &str) -> Option<&'a str> {
    let (before, rest) = shown.split_once(text)?;
    let line = before.lines().last().unwrap_or_default();
    let is_next = !before.contains(MARK) && line.contains(name);
    (is_next && !rest.contains(text)).then_some(rest)
}

fn missing(name: &str, text: &str, cut: usize, length: usize) -> Fault {
    let place = if cut < length { format!("a cut at byte {cut}") } else { "every cut".into() };
    Fault::broken(format!("after {place}, `{text}` by {name} is not shown once and in its place"))
}

/// The bytes of three pairs, as many whatever the turn.
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

/// On a terminal, with each hostile character between two marks in a name and in a text (SPEC CLI-02).
fn orders_are_shown(visits: &Visits<'_>) -> Result<Finding, Fault> {
    let mut visit = visits.begin(Stdout::Terminal)?;
    for (number, order) in ORDERS.iter().enumerate() {
        let marked = format!("({number}a{order}b{number})");
        visit.send(&encoded(&marked, "a name"))?;
        visit.send(&encoded("eve", &marked))?;
    }
    let shown = String::from_utf8_lossy(&visit.close()?.stdout).into_owned();
    for (number, order) in ORDERS.iter().enumerate() {
        let (open, close) = (format!("({number}a"), format!("b{number})"));
        let mut between = shown.split(&open).skip(1);
        for place in ["a name", "a text"] {
            let part =
                between.next().and_then(|rest| rest.split_once(&close)).map(|(part, _)| part);
            let part = part.ok_or_else(|| {
                Fault::broken(format!("{place} with {} is not shown", order.escape_unicode()))
            })?;
            check_part(place, order, part)?;
        }
    }
    Ok(Finding::Kept)
}

/// What stands where an order was has to be visible, and no order.
fn check_part(place: &str, order: &str, part: &str) -> Result<(), Fault> {
    let hostile = |char: char| char.is_control() || turns_direction(char);
    let what = if part.contains(hostile) {
        "reaches the terminal as it came"
    } else if part == order.replace(hostile, "") {
        "is left out instead of shown"
    } else {
        return Ok(());
    };
    let what = format!("in {place}, {} {what}", order.escape_unicode());
    Err(Fault::Broken { what, expected: Vec::new(), got: part.into() })
}

fn turns_direction(char: char) -> bool {
    matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// (SPEC CLI-03)
fn every_end_ends_it(visits: &Visits<'_>) -> Result<Finding, Fault> {
    let whole = encoded("ann", "hello");
    let mut visit = visits.begin(Stdout::Pipe)?;
    visit.send(&whole)?;
    check_end(&visit.close()?, "an end between two pairs")?;
    let mut visit = visits.begin(Stdout::Pipe)?;
    visit.send(&whole)?;
    check_end(&visit.reset()?, "a reset")?;
    for cut in INSIDE_A_PAIR {
        let mut visit = visits.begin(Stdout::Pipe)?;
        visit.send(&whole[..cut])?;
        check_end(&visit.close()?, &format!("an end at byte {cut} of a pair"))?;
    }
    for before in [&b""[..], b"3         ann"] {
        let mut visit = visits.begin(Stdout::Pipe)?;
        visit.limit_memory();
        visit.send(&[before, b"9999999999"].concat())?;
        // Nothing follows and nothing closes: it must not wait for the rest.
        check_end(&visit.wait("a giant length was announced")?, "a giant length")?;
    }
    Ok(Finding::Kept)
}

fn check_end(left: &ClientEnd, after: &str) -> Result<(), Fault> {
    let told = [&left.stdout[..], &left.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    let reason = told.lines().filter(|line| !line.contains("hello")).collect::<String>();
    let what = if let Some(signal) = left.status.signal() {
        format!("signal {signal} ends the client after {after}")
    } else if CRASHES.iter().any(|crash| told.contains(crash)) {
        format!("the client crashes after {after}")
    } else if reason.trim().is_empty() {
        format!("the client gives no reason after {after}")
    } else {
        return Ok(());
    };
    Err(Fault::Broken { what, expected: Vec::new(), got: told.as_bytes().into() })
}

fn encoded(name: &str, text: &str) -> Bytes {
    pair(name.as_bytes(), text.as_bytes())
}

/// Begins every text, so that none is overlooked.
const MARK: &str = "turn-";

/// What terminals obey: erase the screen, set the title, go back in the line, ring, erase a letter, begin
/// a line, and so on; and what turns the direction of text.
const ORDERS: [&str; 12] = [
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

/// In the name's header, behind it, in the name, behind it, in the message's header, in the message.
const INSIDE_A_PAIR: [usize; 6] = [1, 10, 12, 13, 20, 25];

/// How programs that have crashed say so.
const CRASHES: [&str; 2] = ["panicked at", "Traceback (most recent call last)"];
