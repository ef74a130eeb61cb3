//! Close: cases of the end of a connection.

use bytes::BytesMut;
use protocol::encode_frame;

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Next, Text};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

pub(super) const CASES: &[Case] = &[
    Case::new("CLS-02", Needs::Room, twenty_reset_in_a_burst),
    Case::new("CLS-03", Needs::Room, two_hundred_leave_in_a_burst),
    Case::new("CLS-05", Needs::Sockets, what_a_half_closed_client_receives),
    Case::new("CLS-07", Needs::Sockets, one_name_joins_fifty_times),
];

/// Twenty members reset their connections while messages are in flight to them (SPEC CLS-02).
fn twenty_reset_in_a_burst(fixture: &mut Fixture) -> Result<Finding, TestError> {
    leave_in_a_burst(fixture, 20, |_, client| client.reset())
}

/// Half of them leave with FIN, half with RST (SPEC CLS-03).
fn two_hundred_leave_in_a_burst(fixture: &mut Fixture) -> Result<Finding, TestError> {
    leave_in_a_burst(fixture, 200, |turn, client| match turn % 2 {
        0 => client.half_close(),
        _ => client.reset(),
    })
}

/// Before each of them leaves, messages are in flight to all of them.
fn leave_in_a_burst(
    fixture: &mut Fixture,
    leavers: usize,
    leave: impl Fn(usize, &mut Client),
) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let clients: Result<Vec<Client>, TestError> =
        (0..leavers).map(|turn| fixture.join(&format!("cyd{turn}"))).collect();
    let mut clients = clients?;
    // Bob has received everything that belongs to the joining; only ann's messages follow.
    fixture.fence(&mut ann, &mut [&mut bob])?;
    let text = |turn, number| format!("{turn}.{number}");
    for (turn, leaver) in clients.iter_mut().enumerate() {
        let mut burst = BytesMut::new();
        (0..10).for_each(|number| encode_frame(text(turn, number).as_bytes(), &mut burst));
        ann.write(&burst)?;
        leave(turn, leaver);
    }
    for turn in 0..leavers {
        for number in 0..10 {
            bob.expect(b"ann", Text::Exactly(text(turn, number).as_bytes()), fixture.deadline())?;
        }
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// The rule leaves open what a half-closed client receives; this records it (SPEC CLS-05).
fn what_a_half_closed_client_receives(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    fixture.relay(&mut ann, b"before", &mut [&mut bob])?;
    cyd.half_close();
    fixture.await_read(&mut cyd);
    fixture.relay(&mut ann, b"after", &mut [&mut bob])?;
    let mut received = Vec::new();
    let fate = loop {
        match cyd.next(fixture.deadline())? {
            Next::Pair(pair) => received.push(String::from_utf8_lossy(&pair.text).into_owned()),
            Next::Ended(_) => break "the server closes it",
            Next::Silence => break "it stays connected",
        }
    };
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    let said = ["before", "after"].map(|text| {
        let fate =
            if received.iter().any(|other| other == text) { "received" } else { "not received" };
        format!("a message sent {text} its FIN is {fate}")
    });
    Ok(Finding::Noted(format!("{}; then {fate}", said.join(", "))))
}

/// The name is free again as soon as the connection has ended (SPEC CLS-07).
fn one_name_joins_fifty_times(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut bob = fixture.join("bob")?;
    for turn in 0..50 {
        let mut ann = fixture.join("ann")?;
        // `relay` expects the name that was sent, so a number that the server appends is an error.
        fixture.relay(&mut ann, format!("visit {turn}").as_bytes(), &mut [&mut bob])?;
        fixture.fence(&mut ann, &mut [&mut bob])?;
        ann.half_close();
        fixture.expect_end(&mut ann)?;
    }
    Ok(Finding::Kept)
}
