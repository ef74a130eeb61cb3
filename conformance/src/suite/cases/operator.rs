//! Operator: cases of what clients can do to the person who runs the server.

use std::net::{Ipv4Addr, TcpStream};

use bytes::BytesMut;
use protocol::encode_frame;

use super::{Case, Finding, Needs};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

pub(super) const CASES: &[Case] = &[
    Case::new("SEC-01", Needs::Process, logs_contain_no_raw_control_characters)
        .with(&["--log", "debug"]),
    Case::new("SEC-02", Needs::Process, log_size_is_bounded),
    Case::new("SEC-03", Needs::Process, listening_on_all_addresses_is_reported)
        .with(&["--listen", "0.0.0.0:{port}"]),
];

/// Control characters in names, in messages and instead of a header (SPEC SEC-01).
fn logs_contain_no_raw_control_characters(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut ann = fixture.join("ann")?;
    for (number, control) in CONTROLS.into_iter().enumerate() {
        let marked = format!("{control}{MARK}{number}");
        let mut named = fixture.connect(&format!("name{number}"))?;
        named.say(marked.as_bytes())?;
        fixture.await_read(&mut named);
        let mut garbled = fixture.connect(&format!("header{number}"))?;
        garbled.write(marked.as_bytes())?;
        fixture.await_read(&mut garbled);
        ann.say(marked.as_bytes())?;
    }
    fixture.await_read(&mut ann);
    drop(ann);
    let log = last_log(fixture)?;
    let raw = CONTROLS.iter().find(|control| log.contains(&format!("{control}{MARK}")));
    raw.map_or(Ok(Finding::Kept), |control| {
        Err(TestError::broken(format!(
            "the server's log contains an unescaped {} that a client sent",
            control.escape_default()
        )))
    })
}

/// Five thousand messages of one member, garbage of twenty clients (SPEC SEC-02).
fn log_size_is_bounded(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let mut messages = BytesMut::new();
    for _ in 0..MESSAGES {
        encode_frame(b"", &mut messages);
    }
    for _ in 0..MESSAGES {
        encode_frame(b"x", &mut messages);
    }
    ann.write(&messages)?;
    let mut hostile = Vec::new();
    for number in 0..HOSTILE {
        let mut client = fixture.connect(&format!("hostile{number}"))?;
        // A server may end the connection before it has read all of this.
        client.write(&[0xff; 4096]).ok();
        hostile.push(client);
    }
    fixture.await_read(&mut ann);
    bob.say(b"that was all")?;
    fixture.await_read(&mut bob);
    drop((ann, bob, hostile));
    last_log(fixture)?;
    let logged = fixture.process()?.log_bytes();
    let clients = HOSTILE + 3;
    if logged > LOG_BYTES_AT_START + clients * LOG_BYTES_PER_CLIENT {
        let what = format!("the server logged {logged} bytes because of {clients} clients");
        return Err(TestError::broken(what));
    }
    Ok(Finding::Noted(format!("{logged} bytes logged for {clients} clients")))
}

/// The server listens on all addresses; the test connects only over loopback (SPEC SEC-03).
fn listening_on_all_addresses_is_reported(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let port = fixture.process()?.addr().port();
    // All of 127.0.0.0/8 is loopback. Only a server that listens on all addresses answers at this
    // one.
    if TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), port)).is_err() {
        return Err(TestError::Inapplicable("it listens on one loopback address only".into()));
    }
    let log = last_log(fixture)?.to_lowercase();
    if WARNINGS.iter().any(|word| log.contains(word)) {
        return Ok(Finding::Kept);
    }
    Err(TestError::broken(
        "the server listens on all addresses, and its log has no warning about that",
    ))
}

/// Ends the server, and returns the end of its complete log.
fn last_log(fixture: &mut Fixture) -> Result<String, TestError> {
    fixture.close_witness();
    let process = fixture.process()?;
    process.terminate();
    process.wait(fixture.deadline() * 2);
    process.last_log(fixture.deadline()).ok_or_else(|| {
        TestError::Inconclusive("the server did not end, so its log is not complete".into())
    })
}

/// Control characters for terminals: escape, carriage return, bell, backspace, and a C1 control.
const CONTROLS: [char; 5] = ['\x1b', '\r', '\x07', '\x08', '\u{9b}'];
/// Follows each control character, so that the test does not find those of the server itself.
const MARK: &str = "[31mforged";
const MESSAGES: usize = 2500;
const HOSTILE: u64 = 20;
const LOG_BYTES_AT_START: u64 = 8192;
/// A name of 128 bytes may need eight times as many when it is escaped, and may be logged twice.
const LOG_BYTES_PER_CLIENT: u64 = 2048;
const WARNINGS: [&str; 3] = ["encrypt", "login", "authenti"];
