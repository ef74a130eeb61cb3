//! MQTT: the part of version 3.1.1 that one topic with a quality of service of 0 needs.

use std::io::{self, Read};
use std::net::TcpStream;

use super::parse::{DialectError, Next, foreign, nameless, split_text};
use super::welcome;

/// CONNECT with a clean session and no keep-alive. A client may send more before the answer
/// (3.1.4), so a listener subscribes at once.
pub(super) fn hello(name: &str, speaks: bool) -> Vec<u8> {
    let mut connect = string("MQTT");
    connect.extend_from_slice(&[VERSION, CLEAN_SESSION, 0, 0]);
    connect.extend_from_slice(&string(name));
    let mut hello = packet(CONNECT, &connect);
    if !speaks {
        let topic = [&[0, 1][..], TOPIC, &[QOS]].concat();
        hello.extend_from_slice(&packet(SUBSCRIBE, &topic));
    }
    hello
}

pub(super) fn welcome(stream: &mut TcpStream, speaks: bool) -> io::Result<()> {
    let answers: [&[u8]; 2] = [&CONNECTED, &SUBSCRIBED];
    let due = if speaks { 1 } else { 2 };
    for expected in &answers[..due] {
        let mut answer = [0; SUBSCRIBED.len()];
        let answer = &mut answer[..expected.len()];
        stream.read_exact(answer).map_err(welcome::missing)?;
        if answer != *expected {
            return Err(welcome::unexpected(&format!("{expected:02x?}"), answer));
        }
    }
    Ok(())
}

/// Bytes of a PUBLISH, which is the same in both directions.
pub(super) fn packet_len(size: usize) -> usize {
    let rest = TOPIC.len() + size;
    let length = rest.ilog2() as usize / 7 + 1;
    1 + length + rest
}

pub(super) fn begin_message(size: usize, out: &mut Vec<u8>) {
    out.push(PUBLISH);
    out.extend_from_slice(&length_bytes(TOPIC.len() + size));
    out.extend_from_slice(TOPIC);
}

/// A message of the room, or an answer of the server.
pub(super) fn split(bytes: &[u8], limit: usize) -> Result<Next<'_>, DialectError> {
    let Some((&kind, rest)) = bytes.split_first() else { return Ok(None) };
    if ![PUBLISH, CONNACK, SUBACK, PINGRESP].contains(&kind) {
        return Err(foreign(bytes));
    }
    let Some((length, rest)) = split_length(rest)? else { return Ok(None) };
    let Some((body, rest)) = split_text(rest, length, limit + TOPIC.len())? else {
        return Ok(None);
    };
    match (kind, body) {
        (PUBLISH, _) => {
            let text = body.strip_prefix(TOPIC).ok_or_else(|| foreign(bytes))?;
            Ok(Some((Some(nameless(text)), rest)))
        }
        (CONNACK, [_, 0]) | (SUBACK, [_, _, 0]) | (PINGRESP, []) => Ok(Some((None, rest))),
        (CONNACK, [_, code]) => Err(DialectError::Reported(format!("CONNACK, code {code}"))),
        (SUBACK, [_, _, code]) => Err(DialectError::Reported(format!("SUBACK, code {code}"))),
        _ => Err(foreign(bytes)),
    }
}

/// Reads a remaining length: seven bits a byte, the lowest first, at most four bytes (2.2.3).
fn split_length(bytes: &[u8]) -> Result<Option<(u64, &[u8])>, DialectError> {
    let mut length = 0;
    for (place, byte) in bytes.iter().take(LENGTH_BYTES_MAX).enumerate() {
        length |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(Some((length, &bytes[place + 1..])));
        }
    }
    if bytes.len() < LENGTH_BYTES_MAX { Ok(None) } else { Err(foreign(bytes)) }
}

fn length_bytes(length: usize) -> Vec<u8> {
    assert!(length < 1 << (7 * LENGTH_BYTES_MAX), "a packet of {length} bytes has no length");
    let mut bytes = Vec::new();
    let mut rest = length;
    loop {
        let low = u8::try_from(rest & 0x7f).expect("seven bits fit in a byte");
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &length_bytes(body.len())[..], body].concat()
}

/// Text with its length in two bytes before it (1.5.3).
fn string(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("names and topics are short");
    [&length.to_be_bytes()[..], text.as_bytes()].concat()
}

const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const PUBLISH: u8 = 0x30;
const SUBSCRIBE: u8 = 0x82;
const SUBACK: u8 = 0x90;
const PINGRESP: u8 = 0xd0;
/// CONNACK: there was no earlier session, and the connection is accepted.
const CONNECTED: [u8; 4] = [CONNACK, 2, 0, 0];
/// SUBACK of packet 1, with the quality of service that was asked for.
const SUBSCRIBED: [u8; 5] = [SUBACK, 3, 0, 1, QOS];
/// MQTT 3.1.1 is protocol level 4 (3.1.2.2).
const VERSION: u8 = 4;
const CLEAN_SESSION: u8 = 2;
/// At most once.
const QOS: u8 = 0;
const LENGTH_BYTES_MAX: usize = 4;
/// The topic with its length before it.
const TOPIC: &[u8] = b"\0\x04room";
