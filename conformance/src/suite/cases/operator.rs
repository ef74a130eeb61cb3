//! Cases of what clients can do to whoever runs the server.

use std::net::{Ipv4Addr, TcpStream};

use bytes::BytesMut;
use protocol::encode_frame;

use super::{Case, Finding, Needs};
use crate::suite::blame::Fault;
use crate::suite::stage::Stage;

pub(super) const CASES: &[Case] = &[
    Case::new("SEC-01", Needs::Process, logs_hold_no_raw_controls).with(&["--log", "debug"]),
    Case::new("SEC-02", Needs::Process, logs_grow_within_bounds),
    Case::new("SEC-03", Needs::Process, an_open_door_is_told).with(&["--listen", "0.0.0.0:{port}"]),
];

/// In names, in messages, and where a header should be (SPEC SEC-01).
fn logs_hold_no_raw_controls(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut ann = stage.join("ann")?;
    for (number, control) in CONTROLS.into_iter().enumerate() {
        let marked = format!("{control}{MARK}{number}");
        let mut named = stage.connect(&format!("name{number}"))?;
        named.say(marked.as_bytes())?;
        stage.settle(&mut named);
        let mut garbled = stage.connect(&format!("header{number}"))?;
        garbled.write(marked.as_bytes())?;
        stage.settle(&mut garbled);
        ann.say(marked.as_bytes())?;
    }
    stage.settle(&mut ann);
    drop(ann);
    let log = last_log(stage)?;
    let raw = CONTROLS.iter().find(|control| log.contains(&format!("{control}{MARK}")));
    raw.map_or(Ok(Finding::Kept), |control| {
        Err(Fault::broken(format!("the log holds a raw {} of a client", control.escape_default())))
    })
}

/// A thousand messages of one, garbage of many (SPEC SEC-02).
fn logs_grow_within_bounds(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let mut flood = BytesMut::new();
    for _ in 0..MESSAGES {
        encode_frame(b"", &mut flood);
    }
    for _ in 0..MESSAGES {
        encode_frame(b"x", &mut flood);
    }
    ann.write(&flood)?;
    let mut hostile = Vec::new();
    for number in 0..HOSTILE {
        let mut client = stage.connect(&format!("hostile{number}"))?;
        // A server may be quick to end it.
        client.write(&[0xff; 4096]).ok();
        hostile.push(client);
    }
    stage.settle(&mut ann);
    bob.say(b"that was all")?;
    stage.settle(&mut bob);
    drop((ann, bob, hostile));
    last_log(stage)?;
    let logged = stage.process()?.log_bytes();
    let clients = HOSTILE + 3;
    if logged > LOG_BYTES_AT_START + clients * LOG_BYTES_PER_CLIENT {
        let what = format!("the server logged {logged} bytes because of {clients} clients");
        return Err(Fault::broken(what));
    }
    Ok(Finding::Noted(format!("{logged} bytes for {clients} clients")))
}

/// The test itself stays on loopback (SPEC SEC-03).
fn an_open_door_is_told(stage: &mut Stage) -> Result<Finding, Fault> {
    let port = stage.process()?.addr().port();
    // All of 127.0.0.0/8 is loopback, and only a server that listens on every address answers here.
    if TcpStream::connect((Ipv4Addr::new(127, 0, 0, 2), port)).is_err() {
        return Err(Fault::Inapplicable("it listens on one loopback address only".into()));
    }
    let log = last_log(stage)?.to_lowercase();
    if WARNINGS.iter().any(|word| log.contains(word)) {
        return Ok(Finding::Kept);
    }
    Err(Fault::broken("nothing in the log warns of an open door"))
}

/// Ends the server, which nobody holds up any more: the end of all that it ever wrote to its log.
fn last_log(stage: &mut Stage) -> Result<String, Fault> {
    stage.dismiss_witness();
    let process = stage.process()?;
    process.terminate();
    process.wait(stage.deadline() * 2);
    process
        .last_log(stage.deadline())
        .ok_or_else(|| Fault::Harness("the server did not end, so its log is not complete".into()))
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
