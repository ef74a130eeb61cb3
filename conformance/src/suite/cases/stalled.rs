//! Cases of clients that begin and do not go on.

use super::{Case, Finding, Needs};
use crate::suite::blame::Fault;
use crate::suite::client::{Client, Text};
use crate::suite::stage::Stage;

pub(super) const CASES: &[Case] = &[
    Case::new("HSK-05", Needs::Room, hundred_silent_clients),
    Case::new("SEG-05", Needs::Room, stuck_behind_every_byte_of_a_header),
    Case::new("SLO-01", Needs::Room, hundred_parked_clients),
];

/// (SPEC HSK-05)
fn hundred_silent_clients(stage: &mut Stage) -> Result<Finding, Fault> {
    let silent: Result<Vec<Client>, Fault> =
        (0..100).map(|number| stage.connect(&format!("silent{number}"))).collect();
    talk_beside(stage, &mut silent?)
}

/// Ten stop inside a header, the last one inside its payload, and hear what is said (SPEC SEG-05).
fn stuck_behind_every_byte_of_a_header(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut bob = stage.join("bob")?;
    let mut stuck = Vec::new();
    for part in 1..=11 {
        let mut client = stage.join(&format!("stuck{part}"))?;
        client.write(&b"5         he"[..part])?;
        stage.settle(&mut client);
        stuck.push(client);
    }
    let mut ann = stage.join("ann")?;
    stage.relay(&mut ann, b"hello", &mut [&mut bob])?;
    for client in &mut stuck {
        client.expect(b"ann", Text::Exactly(b"hello"), stage.deadline())?;
    }
    stage.relay(&mut bob, b"hi", &mut [&mut ann])?;
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Members that stop inside a header or a payload in turn (SPEC SLO-01).
fn hundred_parked_clients(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut parked = Vec::new();
    for number in 0..100 {
        let mut client = stage.join(&format!("parked{number}"))?;
        client.write(if number % 2 == 0 { b"5    " } else { b"5         he" })?;
        parked.push(client);
    }
    talk_beside(stage, &mut parked)
}

/// Two who come late talk, whatever the others do not do.
fn talk_beside(stage: &mut Stage, others: &mut [Client]) -> Result<Finding, Fault> {
    for client in others {
        stage.settle(client);
    }
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    stage.relay(&mut ann, b"hello", &mut [&mut bob])?;
    stage.relay(&mut bob, b"hi", &mut [&mut ann])?;
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}
