//! Stalled: cases of clients that begin a name or a frame and do not go on.

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Text};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

pub(super) const CASES: &[Case] = &[
    Case::new("HSK-05", Needs::Room, hundred_unnamed_clients_delay_no_member),
    Case::new("SEG-05", Needs::Room, clients_stop_after_every_byte_of_a_header),
    Case::new("SLO-01", Needs::Room, hundred_clients_stop_inside_a_frame),
];

/// (SPEC HSK-05)
fn hundred_unnamed_clients_delay_no_member(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let silent: Result<Vec<Client>, TestError> =
        (0..100).map(|number| fixture.connect(&format!("silent{number}"))).collect();
    expect_others_can_talk(fixture, &mut silent?)
}

/// Ten members stop inside a header and one inside its payload; all of them receive a message (SPEC
/// SEG-05).
fn clients_stop_after_every_byte_of_a_header(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut bob = fixture.join("bob")?;
    let mut stuck = Vec::new();
    for part in 1..=11 {
        let mut client = fixture.join(&format!("stuck{part}"))?;
        client.write(&b"5         he"[..part])?;
        fixture.await_read(&mut client);
        stuck.push(client);
    }
    let mut ann = fixture.join("ann")?;
    fixture.relay(&mut ann, b"hello", &mut [&mut bob])?;
    for client in &mut stuck {
        client.expect(b"ann", Text::Exactly(b"hello"), fixture.deadline())?;
    }
    fixture.relay(&mut bob, b"hi", &mut [&mut ann])?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Half of the members stop inside a header, half inside a payload (SPEC SLO-01).
fn hundred_clients_stop_inside_a_frame(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut parked = Vec::new();
    for number in 0..100 {
        let mut client = fixture.join(&format!("parked{number}"))?;
        client.write(if number % 2 == 0 { b"5    " } else { b"5         he" })?;
        parked.push(client);
    }
    expect_others_can_talk(fixture, &mut parked)
}

/// Two clients that join later can talk while `others` do nothing.
fn expect_others_can_talk(
    fixture: &mut Fixture,
    others: &mut [Client],
) -> Result<Finding, TestError> {
    for client in others {
        fixture.await_read(client);
    }
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    fixture.relay(&mut ann, b"hello", &mut [&mut bob])?;
    fixture.relay(&mut bob, b"hi", &mut [&mut ann])?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}
