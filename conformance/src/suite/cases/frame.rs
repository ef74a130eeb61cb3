//! Frame: cases of frames and of the segments in which they arrive.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::encode_frame;

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Text};
use crate::suite::error::{TestError, needed};
use crate::suite::fixture::Fixture;
use crate::target::Received;

pub(super) const CASES: &[Case] = &[
    Case::new("FRM-03", Needs::Room, every_size_is_relayed_exactly),
    Case::new("FRM-05", Needs::Room, every_size_up_to_the_limit).with(&["--max-message", "1MiB"]),
    Case::new("FRM-08", Needs::Room, spellings_accepted),
    Case::new("SEG-02", Needs::Sockets, header_apart_from_payload),
    Case::new("SEG-04", Needs::Room, thousand_frames_in_one_write),
    Case::new("BAD-01", Needs::Room, malformed_headers_harm_no_member),
];

/// Messages with sizes around a power of ten or of two arrive unchanged (SPEC FRM-03).
fn every_size_is_relayed_exactly(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    for size in SIZES {
        fixture.relay(&mut ann, &letters(size), &mut [&mut bob])?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Sizes around those of common buffers, and the declared maximum (SPEC FRM-05).
fn every_size_up_to_the_limit(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let most = needed(fixture.declared().max_message, "largest message")?;
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    for size in LARGE_SIZES.into_iter().filter(|&size| size < most).chain([most - 1, most]) {
        fixture.relay(&mut ann, &letters(size), &mut [&mut bob])?;
        fixture.fence(&mut ann, &mut [&mut bob])?;
    }
    Ok(Finding::Kept)
}

/// The rule leaves open which spellings of a header a server accepts; this records it (SPEC
/// FRM-08).
fn spellings_accepted(fixture: &mut Fixture) -> Result<Finding, TestError> {
    // All clients join before the first header: a server that relays such a header unchanged breaks
    // another rule, and all clients but bob could no longer split what they receive.
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    let mut notes = Vec::new();
    for (kind, sender, bytes) in [
        ("leading zeros", &mut ann, b"0000000005hello"),
        ("leading spaces", &mut cyd, b"         5hello"),
    ] {
        sender.write(bytes)?;
        let taken = is_relayed(fixture, b"hello", sender, &mut bob);
        notes.push(format!("{kind}: {}", if taken { "accepted" } else { "rejected" }));
    }
    Ok(Finding::Noted(notes.join(", ")))
}

/// Header and payload arrive in separate segments (SPEC SEG-02).
fn header_apart_from_payload(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    for turn in 1..=5 {
        let text = format!("message {turn}");
        let mut frame = BytesMut::new();
        encode_frame(text.as_bytes(), &mut frame);
        for part in [frame.split_to(protocol::HEADER_LEN), frame] {
            ann.write(&part)?;
            fixture.await_read(&mut ann);
        }
        bob.expect(b"ann", Text::Exactly(text.as_bytes()), fixture.deadline())?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// (SPEC SEG-04)
fn thousand_frames_in_one_write(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let mut segment = BytesMut::new();
    for number in 1..=1000 {
        encode_frame(format!("{number}").as_bytes(), &mut segment);
    }
    ann.write(&segment)?;
    for number in 1..=1000 {
        bob.expect(b"ann", Text::Exactly(format!("{number}").as_bytes()), fixture.deadline())?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// After each malformed header, two other members can talk (SPEC BAD-01).
fn malformed_headers_harm_no_member(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let mut offenders = Vec::new();
    for (turn, header) in MALFORMED.into_iter().enumerate() {
        let mut offender = fixture.join(&format!("mal{turn}"))?;
        offender.write(header)?;
        // It stays open, so that no later relay to it causes a reset.
        offender.half_close();
        offenders.push(offender);
        fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
        fixture.relay(&mut bob, b"me too", &mut [&mut ann])?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Whether these bytes arrive, with any header, before the server ends the sender's connection.
fn is_relayed(fixture: &Fixture, text: &[u8], sender: &mut Client, receiver: &mut Client) -> bool {
    let start = Instant::now();
    let mut seen = Vec::new();
    while sender.end().is_none() && start.elapsed() < fixture.deadline() {
        if let Received::Bytes(bytes) = receiver.receive_raw(CHUNK_BYTES, fixture.look_interval()) {
            seen.extend(bytes);
        }
        if seen.ends_with(text) {
            return true;
        }
        sender.read_once(Duration::ZERO);
    }
    false
}

/// Text of `size` bytes with a period of 26, which is no buffer's size.
fn letters(size: usize) -> Vec<u8> {
    (b'a'..=b'z').cycle().take(size).collect()
}

/// Sizes at which the header gains a digit, and sizes of common buffers.
const SIZES: [usize; 15] =
    [1, 9, 10, 11, 99, 100, 255, 256, 1023, 1024, 1025, 4096, 9999, 10_000, 32_768];

/// Sizes that one read does not return, whatever its buffer.
const LARGE_SIZES: [usize; 6] = [65_535, 65_536, 65_537, 100_000, 262_144, 500_001];

const CHUNK_BYTES: usize = 4096;

const MALFORMED: [&[u8]; 6] = [
    b"abcdefghij",
    b"GET / HTTP",
    b"          ",
    b"5x        ",
    b"1.5       ",
    b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6",
];
