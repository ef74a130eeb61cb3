//! Cases of what clients can do to whoever runs the server.

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

/// In names, in messages, and where a header should be (SPEC SEC-01).
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
            "the log holds a raw {} of a client",
            control.escape_default()
        )))
    })
}

/// A thousand messages of one, garbage of many (SPEC SEC-02).
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
        // A server may be quick to end it.
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
    Ok(Finding::Noted(format!("{logged} bytes for {clients} clients")))
}

/// The test itself stays on loopback (SPEC SEC-03).
fn listening_on_all_addresses_is_reported(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let port = fixture.process()?.addr().port();
    // All of 127.0.0.0/8 is loopback, and only a server that listens on every address answers here.
    if TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), port)).is_err() {
        return Err(TestError::Inapplicable("it listens on one loopback address only".into()));
    }
    let log = last_log(fixture)?.to_lowercase();
    if WARNINGS.iter().any(|word| log.contains(word)) {
        return Ok(Finding::Kept);
    }
    Err(TestError::broken("nothing in the log warns of an open door"))
}

/// Ends the server, which nobody holds up any more: the end of all that it ever wrote to its log.
fn last_log(fixture: &mut Fixture) -> Result<String, TestError> {
    fixture.close_witness();
    let process = fixture.process()?;
    process.terminate();
    process.wait(fixture.deadline() * 2);
    process.last_log(fixture.deadline()).ok_or_else(|| {
        TestError::Inconclusive("the server did not end, so its log is not complete".into())
    })
}

/// What terminals obey: escape, carriage return, bell, backspace, and a C1 control.
const CONTROLS: [char; 5] = ['\x1b', '\r', '\x07', '\x08', '\u{9b}'];
/// What tells a control of ours from any other.
const MARK: &str = "[31mforged";
const MESSAGES: usize = 2500;
const HOSTILE: u64 = 20;
const LOG_BYTES_AT_START: u64 = 8192;
/// A name of 128 bytes may need eight times that when it is escaped, and be told twice.
const LOG_BYTES_PER_CLIENT: u64 = 2048;
const WARNINGS: [&str; 3] = ["encrypt", "login", "authenti"];
