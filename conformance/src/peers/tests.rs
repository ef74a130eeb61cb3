//! Each broker that is installed is started, joined, spoken to and heard; the others are named.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Peer, find_program, version_in};
use crate::dialect::Dialect;
use crate::process::ServerProcess;

#[test]
fn what_is_said_through_redis_is_heard_as_its_dialect_has_it() {
    is_heard_through(Peer::Redis);
}

#[test]
fn what_is_said_through_nats_is_heard_as_its_dialect_has_it() {
    is_heard_through(Peer::Nats);
}

#[test]
fn what_is_said_through_mosquitto_is_heard_as_its_dialect_has_it() {
    is_heard_through(Peer::Mosquitto);
}

#[test]
fn a_broker_that_is_not_there_is_not_found() {
    assert_eq!(None, find_program("no-such-broker"));
    assert!(find_program("sh").is_some());
}

#[test]
fn versions_are_found_in_what_programs_say() {
    let said = [
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "7.0.15"),
        ("nats-server: v2.9.10\n", "2.9.10"),
        ("mosquitto version 2.0.11\n\nmosquitto is an MQTT v5.0/v3.1.1/v3.1 broker.", "2.0.11"),
    ];
    for (said, version) in said {
        assert_eq!(Some(version), version_in(said).as_deref());
    }
    assert_eq!(None, version_in("usage: v e.g. help"));
}

/// Two sizes, so that the length is read and not guessed; the second message is the first one's fence.
fn is_heard_through(peer: Peer) {
    let installed = match peer.find() {
        Ok(installed) => installed,
        Err(reason) => {
            eprintln!("left out: {reason}");
            return;
        }
    };
    let server = installed.start().expect("what is installed can be started");
    let dialect = peer.dialect();
    let mut listener = join(&server, dialect, false);
    let mut speaker = join(&server, dialect, true);
    for text in [&[b'x'; 5][..], &[b'y'; 30_000]] {
        let mut message = Vec::new();
        dialect.begin_message("ann", text.len(), &mut message);
        message.extend_from_slice(text);
        dialect.end_message(&mut message);
        speaker.write_all(&message).unwrap();
        assert_eq!(text, hear(&mut listener, dialect, text.len()), "{peer:?}");
    }
}

fn join(server: &ServerProcess, dialect: Dialect, speaks: bool) -> TcpStream {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&dialect.hello(&format!("ann-{speaks}"), speaks)).unwrap();
    dialect.await_welcome(&mut stream, speaks).unwrap();
    stream
}

/// Reads up to the end of the next message, which nothing but what may be skipped stands before.
fn hear(stream: &mut TcpStream, dialect: Dialect, size: usize) -> Vec<u8> {
    let (mut heard, mut skipped) = (Vec::new(), 0);
    let mut buffer = [0; 4096];
    loop {
        match dialect.split(&heard[skipped..], size).expect("it speaks its dialect") {
            Some((Some(message), rest)) => {
                assert!(rest.is_empty(), "something more came: {}", rest.escape_ascii());
                let length = heard.len() - skipped;
                assert_eq!(dialect.delivery_len(3, size), length, "{dialect:?}");
                return message.text.to_vec();
            }
            Some((None, rest)) => skipped = heard.len() - rest.len(),
            None => {
                let count = stream.read(&mut buffer).expect("it answers in time");
                assert_ne!(0, count, "{dialect:?}: it hung up");
                heard.extend_from_slice(&buffer[..count]);
            }
        }
    }
}

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);
