//! Cases of the beginning of a connection.

use std::time::Duration;

use bytes::BytesMut;
use protocol::{Pair, encode_frame};

use super::Finding;
use crate::client::{Client, Next, Text};
use crate::fault::Fault;
use crate::stage::{Admission, Stage};

/// (SPEC HSK-03)
pub(super) fn fifty_frames_with_the_name(stage: &mut Stage) -> Result<Finding, Fault> {
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
pub(super) fn sixty_leave_before_their_names(stage: &mut Stage) -> Result<Finding, Fault> {
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

/// (SPEC NAM-01)
pub(super) fn odd_names(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let mut notes = Vec::new();
    let mut odd = Vec::new();
    for (kind, label, name) in
        [("taken", "cyd", &b"ann"[..]), ("empty", "dan", b""), ("blank", "eve", b"  ")]
    {
        let mut client = stage.connect(label)?;
        client.say(name)?;
        let fate = match stage.try_admit(&mut client)? {
            Admission::In => answer(&mut client)?.map_or("accepted", |_| "accepted with a notice"),
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

/// What the server has told this client alone, if anything.
fn answer(client: &mut Client) -> Result<Option<Pair>, Fault> {
    match client.next(Duration::ZERO)? {
        Next::Pair(pair) => Ok(Some(pair)),
        Next::Ended(_) | Next::Silence => Ok(None),
    }
}
