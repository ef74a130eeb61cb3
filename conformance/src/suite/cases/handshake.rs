//! Cases of the beginning of a connection.

use std::time::{Duration, Instant};

use bytes::BytesMut;
use protocol::{Pair, encode_frame};
use server_core::RESERVED;

use super::{Case, Finding, Needs};
use crate::suite::blame::{Fault, needed};
use crate::suite::client::{Client, Next, Text};
use crate::suite::stage::{Admission, Stage};
use crate::target::EqualNames;

pub(super) const CASES: &[Case] = &[
    Case::new("HSK-03", Needs::Room, fifty_frames_with_the_name),
    Case::new("HSK-04", Needs::Sockets, sixty_leave_before_their_names),
    Case::new("HSK-08", Needs::Sockets, unnamed_are_ended).with(&["--name-timeout", "300ms"]),
    Case::new("NAM-01", Needs::Room, odd_names),
    Case::new("NAM-02", Needs::Sockets, fifty_equal_names_at_once),
];

/// (SPEC HSK-03)
fn fifty_frames_with_the_name(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut bob = stage.join("bob")?;
    let mut ann = stage.connect("ann")?;
    let texts: Vec<String> = (1..=50).map(|number| format!("message {number}")).collect();
    let mut segment = BytesMut::new();
    encode_frame(b"ann", &mut segment);
    for text in &texts {
        encode_frame(text.as_bytes(), &mut segment);
    }
    ann.write(&segment)?;
    for text in &texts {
        bob.expect(b"ann", Text::Exactly(text.as_bytes()), stage.deadline())?;
    }
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// (SPEC HSK-04)
fn sixty_leave_before_their_names(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let mut left = Vec::new();
    for turn in 1..=30 {
        let mut polite = stage.connect(&format!("fin{turn}"))?;
        polite.half_close();
        left.push(polite);
        stage.connect(&format!("rst{turn}"))?.reset();
    }
    stage.relay(&mut ann, b"still here", &mut [&mut bob])?;
    stage.relay(&mut bob, b"me too", &mut [&mut ann])?;
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// One that says nothing, one that stops inside its name; a member may be silent for longer (SPEC HSK-08).
fn unnamed_are_ended(stage: &mut Stage) -> Result<Finding, Fault> {
    let cap = needed(stage.declared().name_timeout, "name timeout")?;
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let mut silent = stage.connect("silent")?;
    let mut stuck = stage.connect("stuck")?;
    stuck.write(b"5         stu")?;
    for client in [&mut silent, &mut stuck] {
        client.expect_refusal(cap + stage.deadline())?;
    }
    stage.relay(&mut ann, b"still here", &mut [&mut bob])?;
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// (SPEC NAM-01)
fn odd_names(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let mut notes = Vec::new();
    let mut odd = Vec::new();
    for (kind, label, name) in
        [("taken", "cyd", &b"ann"[..]), ("empty", "dan", b""), ("blank", "eve", b"  ")]
    {
        let mut client = stage.connect(label)?;
        client.say(name)?;
        let fate = match stage.try_admit(&mut client)? {
            Admission::In => {
                stage.relay(&mut ann, b"welcome", &mut [&mut bob])?;
                answer(stage, &mut client)?.map_or("accepted", |_| "accepted with a notice")
            }
            Admission::Ended(_) => "refused",
            Admission::Silent => "left without an answer",
        };
        notes.push(format!("{kind}: {fate}"));
        client.half_close();
        odd.push(client);
    }
    stage.relay(&mut ann, b"still here", &mut [&mut bob])?;
    stage.relay(&mut bob, b"me too", &mut [&mut ann])?;
    Ok(Finding::Noted(notes.join(", ")))
}

/// Each says its name and a number in one write; who is heard, and under which name, is the policy (SPEC NAM-02).
fn fifty_equal_names_at_once(stage: &mut Stage) -> Result<Finding, Fault> {
    let policy = needed(stage.declared().equal_names, "policy for equal names")?;
    let mut bob = stage.join("bob")?;
    let mut crowd: Vec<Client> =
        (0..50).map(|number| stage.connect(&format!("ann{number}"))).collect::<Result<_, _>>()?;
    for (number, client) in crowd.iter_mut().enumerate() {
        let mut segment = BytesMut::new();
        encode_frame(b"ann", &mut segment);
        encode_frame(number.to_string().as_bytes(), &mut segment);
        client.write(&segment)?;
    }
    let (mut names, mut refused) = (Vec::new(), 0);
    let start = Instant::now();
    while names.len() + refused < crowd.len() && start.elapsed() < stage.deadline() {
        if let Next::Pair(pair) = bob.next(stage.look_pace())? {
            names.push(pair.sender.clone());
        }
        for client in &mut crowd {
            client.pump(Duration::ZERO);
        }
        refused = crowd.iter().filter(|client| client.end().is_some()).count();
    }
    let heard = names.len();
    names.sort_unstable();
    names.dedup();
    let (due, names_due) = match policy {
        EqualNames::Number => (crowd.len(), heard),
        EqualNames::Refuse => (1, 1),
        EqualNames::Allow => (crowd.len(), 1),
    };
    if names.len() != names_due {
        return Err(Fault::broken(format!("{heard} members have {} names", names.len())));
    }
    if heard != due || heard + refused != crowd.len() {
        let what = format!("of 50 clients {heard} are heard and {refused} refused");
        return Err(Fault::broken(what));
    }
    Ok(Finding::Kept)
}

/// What the server has told this client alone, if anything, before somebody else spoke.
fn answer(stage: &Stage, client: &mut Client) -> Result<Option<Pair>, Fault> {
    match client.next(stage.deadline())? {
        Next::Pair(pair) if pair.sender == RESERVED => Ok(Some(pair)),
        Next::Pair(_) | Next::Ended(_) | Next::Silence => Ok(None),
    }
}
