//! Segment: cases of bytes that arrive in pieces, in both directions.

use bytes::BytesMut;
use protocol::{encode_frame, encode_pair};

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Text};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;
use crate::support::token::mixed;
use crate::target::Received;

pub(super) const CASES: &[Case] = &[
    Case::new("SEG-01", Needs::Room, one_byte_at_a_time),
    Case::new("SEG-03", Needs::Room, every_cut_and_some_pairs_of_cuts),
    Case::new("SEG-06", Needs::Room, a_receiver_with_a_small_buffer_gets_all),
];

/// (SPEC SEG-01)
fn one_byte_at_a_time(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut bob = fixture.join("bob")?;
    let mut ann = fixture.connect("ann")?;
    let texts = ["hi", "", "سلام 🦀", "more than nine bytes"];
    for byte in frames("zoë", &texts) {
        ann.write(&[byte])?;
        fixture.await_read(&mut ann);
    }
    for text in texts {
        bob.expect("zoë".as_bytes(), Text::Exactly(text.as_bytes()), fixture.deadline())?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// A name and two messages, once for every place to cut them, and once for each of a hundred pairs
/// of places. The suite waits until the server has read each piece (SPEC SEG-03).
fn every_cut_and_some_pairs_of_cuts(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut bob = fixture.join("bob")?;
    let mut left = Vec::new();
    let single = (1..SCRIPT_BYTES).map(|cut| vec![cut]);
    let seed = fixture.seed();
    let pairs = (0..PAIRS_OF_CUTS).map(|turn| two_cuts(mixed(seed ^ mixed(turn))));
    for (turn, cuts) in single.chain(pairs).enumerate() {
        let name = format!("zoë{turn:03}");
        let mut sender = fixture.connect(&name)?;
        send_in_pieces(fixture, &mut sender, &mut bob, &name, &cuts)
            .map_err(|error| error.at(format_args!("with a cut after byte {cuts:?}")))?;
        sender.half_close();
        left.push(sender);
    }
    let mut ann = fixture.join("ann")?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Sends one client's whole session, cut at these places.
fn send_in_pieces(
    fixture: &mut Fixture,
    sender: &mut Client,
    listener: &mut Client,
    name: &str,
    cuts: &[usize],
) -> Result<(), TestError> {
    let script = frames(name, &SCRIPT);
    let ends = cuts.iter().copied().chain([script.len()]);
    let mut start = 0;
    for end in ends {
        sender.write(&script[start..end])?;
        fixture.await_read(sender);
        start = end;
    }
    for text in SCRIPT {
        listener.expect(name.as_bytes(), Text::Exactly(text.as_bytes()), fixture.deadline())?;
    }
    Ok(())
}

/// Two different places, in ascending order.
fn two_cuts(random: u64) -> Vec<usize> {
    let places = SCRIPT_BYTES as u64 - 1;
    let first = random % places;
    let second = (first + 1 + (random >> 32) % (places - 1)) % places;
    let mut cuts = [first, second].map(|place| 1 + usize::try_from(place).unwrap_or_default());
    cuts.sort_unstable();
    cuts.to_vec()
}

/// (SPEC SEG-06)
fn a_receiver_with_a_small_buffer_gets_all(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    bob.shrink_receive_buffer();
    let mut due = BytesMut::new();
    for number in 0..SMALL_BUFFER_MESSAGES {
        let text = format!("{number} {}", "-".repeat(number % 300));
        ann.say(text.as_bytes())?;
        encode_pair(b"ann", text.as_bytes(), &mut due);
    }
    let mut received = 0;
    // A different number of bytes each time, and rarely a whole pair.
    for few in (1..SMALL_BUFFER_READ_MAX).cycle() {
        if received == due.len() {
            break;
        }
        let Received::Bytes(bytes) = bob.receive_raw(few, fixture.deadline()) else {
            return Err(TestError::broken(format!(
                "the server sent bob only {received} of {} bytes",
                due.len()
            )));
        };
        let rest = &due[received..];
        if !rest.starts_with(&bytes) {
            let expected = rest[..bytes.len().min(rest.len())].to_vec();
            let what =
                format!("bob received other bytes than ann sent, after the first {received}");
            return Err(TestError::Broken { what, expected, received: bytes });
        }
        received += bytes.len();
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// The frames that a client with this name sends.
fn frames(name: &str, texts: &[&str]) -> BytesMut {
    let mut frames = BytesMut::new();
    for payload in [name].iter().chain(texts) {
        encode_frame(payload.as_bytes(), &mut frames);
    }
    frames
}

const SCRIPT: [&str; 2] = ["hi", "سلام"];
/// For a name of seven bytes.
const SCRIPT_BYTES: usize = 3 * protocol::HEADER_LEN + 7 + 2 + 8;
const PAIRS_OF_CUTS: u64 = 100;
/// Some 190 KiB: more than the kernel holds for a receiver with a small buffer.
const SMALL_BUFFER_MESSAGES: usize = 1000;
const SMALL_BUFFER_READ_MAX: usize = 900;
