//! NATS: the part of its client protocol that one subject needs.

use std::io;
use std::net::TcpStream;

use serde_json::json;

use super::parse::{
    DialectError, LINE_END, Next, ROOM, digits, excerpt, foreign, nameless, number, split_line,
    split_text,
};
use super::welcome;

/// The PING is a fence: after its PONG, everything before it has been handled.
pub(super) fn hello(name: &str, speaks: bool) -> Vec<u8> {
    let options = json!({ "verbose": false, "pedantic": false, "name": name, "lang": "none",
        "version": "0", "protocol": 0 });
    let subscription = if speaks { String::new() } else { format!("SUB {ROOM} 1\r\n") };
    format!("CONNECT {options}\r\n{subscription}PING\r\n").into()
}

/// The server begins with its INFO.
pub(super) fn welcome(stream: &mut TcpStream) -> io::Result<()> {
    let info = welcome::read_line(stream)?;
    if !info.starts_with(INFO) {
        return Err(welcome::unexpected("INFO {...}", &info));
    }
    welcome::expect_line(stream, "PONG")
}

pub(super) fn delivery_len(size: usize) -> usize {
    MESSAGE.len() + digits(size) + LINE_END.len() + size + LINE_END.len()
}

pub(super) fn begin_message(size: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("PUB {ROOM} {size}\r\n").as_bytes());
}

/// A message of the room, or another line of the server. A PING is not answered: the settings make
/// PINGs rare, and the server closes the connection only after the third without an answer.
pub(super) fn split(bytes: &[u8], limit: usize) -> Result<Next<'_>, DialectError> {
    let Some((line, rest)) = split_line(bytes)? else {
        return if may_begin_a_line(bytes) { Ok(None) } else { Err(foreign(bytes)) };
    };
    if let Some(length) = line.strip_prefix(MESSAGE) {
        let length = number(length).ok_or_else(|| foreign(line))?;
        let Some((text, rest)) = split_text(rest, length, limit)? else { return Ok(None) };
        return match rest.strip_prefix(LINE_END) {
            Some(rest) => Ok(Some((Some(nameless(text)), rest))),
            None if LINE_END.starts_with(rest) => Ok(None),
            None => Err(foreign(rest)),
        };
    }
    match line {
        b"PING" | b"PONG" | b"+OK" => Ok(Some((None, rest))),
        _ if line.starts_with(INFO) => Ok(Some((None, rest))),
        _ if line.starts_with(ERR) => Err(DialectError::Reported(excerpt(line))),
        _ => Err(foreign(line)),
    }
}

/// Whether an incomplete line may become one that a server sends.
fn may_begin_a_line(bytes: &[u8]) -> bool {
    let heads: [&[u8]; 6] = [MESSAGE, INFO, ERR, b"PING\r\n", b"PONG\r\n", b"+OK\r\n"];
    heads.iter().any(|head| head.starts_with(bytes) || bytes.starts_with(head))
}

/// A message up to its length: subject, and the number of the subscription.
const MESSAGE: &[u8] = b"MSG room 1 ";
const INFO: &[u8] = b"INFO ";
const ERR: &[u8] = b"-ERR ";
