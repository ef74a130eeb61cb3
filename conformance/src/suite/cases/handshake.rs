//! Handshake: cases of the beginning of a connection.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{Pair, encode_frame};
use server_core::RESERVED;

use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Next, Text};
use crate::suite::error::{TestError, needed};
use crate::suite::fixture::{Admission, Fixture};
use crate::target::EqualNames;

pub(super) const CASES: &[Case] = &[
    Case::new("HSK-03", Needs::Room, fifty_frames_in_one_write_with_the_name),
    Case::new("HSK-04", Needs::Sockets, sixty_clients_leave_without_a_name),
    Case::new("HSK-08", Needs::Sockets, unnamed_clients_are_closed)
        .with(&["--name-timeout", "300ms"]),
    Case::new("NAM-01", Needs::Room, odd_names),
    Case::new("NAM-02", Needs::Sockets, fifty_equal_names_at_once),
];

/// (SPEC HSK-03)
fn fifty_frames_in_one_write_with_the_name(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut bob = fixture.join("bob")?;
    let mut ann = fixture.connect("ann")?;
    let texts: Vec<String> = (1..=50).map(|number| format!("message {number}")).collect();
    let mut segment = BytesMut::new();
    encode_frame(b"ann", &mut segment);
    for text in &texts {
        encode_frame(text.as_bytes(), &mut segment);
    }
    ann.write(&segment)?;
    for text in &texts {
        bob.expect(b"ann", Text::Exactly(text.as_bytes()), fixture.deadline())?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Half of them leave with FIN, half with RST (SPEC HSK-04).
fn sixty_clients_leave_without_a_name(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let mut left = Vec::new();
    for turn in 1..=30 {
        let mut polite = fixture.connect(&format!("fin{turn}"))?;
        polite.half_close();
        left.push(polite);
        fixture.connect(&format!("rst{turn}"))?.reset();
    }
    fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
    fixture.relay(&mut bob, b"me too", &mut [&mut ann])?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// One client sends nothing, one stops inside its name. A member may be silent for longer (SPEC
/// HSK-08).
fn unnamed_clients_are_closed(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let timeout = needed(fixture.declared().name_timeout, "name timeout")?;
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let mut silent = fixture.connect("silent")?;
    let mut stuck = fixture.connect("stuck")?;
    stuck.write(b"5         stu")?;
    for client in [&mut silent, &mut stuck] {
        client.expect_refusal(timeout + fixture.deadline())?;
    }
    fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// The rule leaves the handling of these names open; this records it (SPEC NAM-01).
fn odd_names(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let mut notes = Vec::new();
    let mut odd = Vec::new();
    for (kind, label, name) in
        [("taken", "cyd", &b"ann"[..]), ("empty", "dan", b""), ("blank", "eve", b"  ")]
    {
        let mut client = fixture.connect(label)?;
        client.say(name)?;
        let fate = match fixture.try_admit(&mut client)? {
            Admission::In => {
                fixture.relay(&mut ann, b"welcome", &mut [&mut bob])?;
                direct_answer(fixture, &mut client)?
                    .map_or("accepted", |_| "accepted with a notice")
            }
            Admission::Ended(_) => "rejected",
            Admission::Silent => "neither accepted nor rejected",
        };
        notes.push(format!("{kind}: {fate}"));
        client.half_close();
        odd.push(client);
    }
    fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
    fixture.relay(&mut bob, b"me too", &mut [&mut ann])?;
    Ok(Finding::Noted(notes.join(", ")))
}

/// Each sends its name and a number in one write. The declared policy says which clients the server
/// accepts, and under which names (SPEC NAM-02).
fn fifty_equal_names_at_once(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let policy = needed(fixture.declared().equal_names, "policy for equal names")?;
    let mut bob = fixture.join("bob")?;
    let mut clients: Vec<Client> =
        (0..50).map(|number| fixture.connect(&format!("ann{number}"))).collect::<Result<_, _>>()?;
    for (number, client) in clients.iter_mut().enumerate() {
        let mut segment = BytesMut::new();
        encode_frame(b"ann", &mut segment);
        encode_frame(number.to_string().as_bytes(), &mut segment);
        client.write(&segment)?;
    }
    let (mut names, mut rejected) = (Vec::new(), 0);
    let start = Instant::now();
    while names.len() + rejected < clients.len() && start.elapsed() < fixture.deadline() {
        if let Next::Pair(pair) = bob.next(fixture.look_interval())? {
            names.push(pair.sender.clone());
        }
        for client in &mut clients {
            client.read_once(Duration::ZERO);
        }
        rejected = clients.iter().filter(|client| client.end().is_some()).count();
    }
    let accepted = names.len();
    names.sort_unstable();
    names.dedup();
    let (accepted_due, names_due) = match policy {
        EqualNames::Number => (clients.len(), accepted),
        EqualNames::Refuse => (1, 1),
        EqualNames::Allow => (clients.len(), 1),
    };
    if names.len() != names_due {
        return Err(TestError::broken(format!(
            "the server accepted {accepted} members under {} different names, not {names_due}",
            names.len()
        )));
    }
    if accepted != accepted_due || accepted + rejected != clients.len() {
        let what = format!(
            "the server accepted {accepted} of 50 clients and rejected {rejected}, but should accept \
             {accepted_due}"
        );
        return Err(TestError::broken(what));
    }
    Ok(Finding::Kept)
}

/// What the server sent to this client alone before another member sent anything.
fn direct_answer(fixture: &Fixture, client: &mut Client) -> Result<Option<Pair>, TestError> {
    match client.next(fixture.deadline())? {
        Next::Pair(pair) if pair.sender == RESERVED => Ok(Some(pair)),
        Next::Pair(_) | Next::Ended(_) | Next::Silence => Ok(None),
    }
}
