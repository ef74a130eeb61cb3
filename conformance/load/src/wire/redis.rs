//! Redis: the part of RESP2 that publish and subscribe on one channel need.

use std::io;
use std::net::TcpStream;

use super::parse::{
    DialectError, LINE_END, Next, ROOM, digits, excerpt, foreign, nameless, number, split_line,
    split_text,
};
use super::welcome;

/// A listener subscribes. A speaker sends nothing before its first message.
pub(super) fn hello(speaks: bool) -> Vec<u8> {
    if speaks { Vec::new() } else { command("SUBSCRIBE") }
}

pub(super) fn welcome(stream: &mut TcpStream, speaks: bool) -> io::Result<()> {
    let answer = ["*3", "$9", "subscribe", "$4", ROOM, ":1"];
    let expected = if speaks { &answer[..0] } else { &answer };
    expected.iter().try_for_each(|line| welcome::expect_line(stream, line))
}

pub(super) fn delivery_len(size: usize) -> usize {
    MESSAGE.len() + digits(size) + LINE_END.len() + size + LINE_END.len()
}

pub(super) fn begin_message(size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"*3\r\n$7\r\nPUBLISH\r\n$4\r\nroom\r\n");
    out.extend_from_slice(format!("${size}\r\n").as_bytes());
}

/// A message of the room, or an answer: how many clients a message reached, or that to a
/// subscription.
pub(super) fn split(bytes: &[u8], limit: usize) -> Result<Next<'_>, DialectError> {
    match bytes.first() {
        None => Ok(None),
        Some(b'*') => split_push(bytes, limit),
        Some(b'-') => match split_line(bytes)? {
            Some((line, _)) => Err(DialectError::Reported(excerpt(line))),
            None => Ok(None),
        },
        Some(b':' | b'+') => Ok(split_line(bytes)?.map(|(_, rest)| (None, rest))),
        Some(_) => Err(foreign(bytes)),
    }
}

fn split_push(bytes: &[u8], limit: usize) -> Result<Next<'_>, DialectError> {
    if let Some(rest) = bytes.strip_prefix(MESSAGE) {
        let Some((line, rest)) = split_line(rest)? else { return Ok(None) };
        let length = number(line).ok_or_else(|| foreign(bytes))?;
        let Some((text, rest)) = split_text(rest, length, limit)? else { return Ok(None) };
        return match rest.strip_prefix(LINE_END) {
            Some(rest) => Ok(Some((Some(nameless(text)), rest))),
            None if LINE_END.starts_with(rest) => Ok(None),
            None => Err(foreign(rest)),
        };
    }
    if let Some(rest) = bytes.strip_prefix(SUBSCRIBED) {
        return Ok(split_line(rest)?.map(|(_, rest)| (None, rest)));
    }
    let is_begun = MESSAGE.starts_with(bytes) || SUBSCRIBED.starts_with(bytes);
    if is_begun { Ok(None) } else { Err(foreign(bytes)) }
}

fn command(name: &str) -> Vec<u8> {
    format!("*2\r\n${}\r\n{name}\r\n${}\r\n{ROOM}\r\n", name.len(), ROOM.len()).into()
}

/// A message up to its length.
const MESSAGE: &[u8] = b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$";
/// The answer to a subscription up to the number of channels.
const SUBSCRIBED: &[u8] = b"*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:";
