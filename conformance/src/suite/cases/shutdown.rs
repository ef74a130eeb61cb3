//! Cases of the end of a server, and of one that cannot begin.

use std::time::{Duration, Instant};

use super::{Case, Finding, Needs};
use crate::suite::blame::{Fault, needed};
use crate::suite::client::{Client, End, Next};
use crate::suite::stage::Stage;
use crate::suite::stream::{Flood, Pour, Reader, TEXT_BYTES};

pub(super) const CASES: &[Case] = &[
    Case::new("SHD-01", Needs::Process, what_was_read_is_delivered_at_the_end),
    Case::new("SHD-02", Needs::Process, nobody_holds_up_the_end).with(SHORT_GRACE),
    Case::new("SHD-04", Needs::Process, a_taken_port_is_told),
    Case::new("SHD-05", Needs::Process, a_second_signal_ends_at_once).with(LONG_GRACE),
    Case::new("SHD-06", Needs::Process, members_are_told_of_the_end),
];

/// (SPEC SHD-01)
fn what_was_read_is_delivered_at_the_end(stage: &mut Stage) -> Result<Finding, Fault> {
    let grace = needed(stage.declared().grace, "grace")?;
    let (mut ann, mut bob, mut cyd) = (stage.join("ann")?, stage.join("bob")?, stage.join("cyd")?);
    stage.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    stage.dismiss_witness();
    let flood = Flood::of(b"ann", READ_BYTES);
    Pour::new(&flood, &mut ann).finish(stage, &mut [], stage.deadline())?;
    // What another one has heard was read; the rest of a flood may still be on its way to the server.
    let all_but_one = Flood::of(b"ann", READ_BYTES - TEXT_BYTES);
    let mut hearing = Reader::eager(&mut cyd);
    hearing.read_on(&all_but_one, stage.deadline())?;
    hearing.check_complete(&all_but_one)?;
    stage.settle(&mut ann);
    stage.process()?.terminate();
    let mut reader = Reader::eager(&mut bob);
    reader.read_on(&flood, stage.deadline())?;
    reader.check_complete(&flood)?;
    for client in [&mut bob, &mut ann] {
        expect_farewell(stage, client)?;
    }
    // Whoever has seen the end goes, and is not waited for.
    drop((ann, bob, cyd));
    match stage.process()?.wait(grace + stage.deadline()) {
        Some(status) if status.success() => Ok(Finding::Kept),
        Some(status) => Err(Fault::broken(format!("the server ended with {status}"))),
        None => Err(Fault::broken("the server has not ended in the declared time")),
    }
}

/// (SPEC SHD-02)
fn nobody_holds_up_the_end(stage: &mut Stage) -> Result<Finding, Fault> {
    let grace = needed(stage.declared().grace, "grace")?;
    let _crowd = Crowd::gather(stage)?;
    stage.process()?.terminate();
    match stage.process()?.wait(grace + stage.deadline()) {
        Some(_) => Ok(Finding::Kept),
        None => Err(Fault::broken("the server has not ended in the declared time")),
    }
}

/// (SPEC SHD-04)
fn a_taken_port_is_told(stage: &mut Stage) -> Result<Finding, Fault> {
    let second = stage.start_beside()?;
    let Some(status) = second.wait(stage.deadline() * 2) else {
        return Err(Fault::broken("a second server on the same port does not end"));
    };
    if status.success() {
        return Err(Fault::broken("a second server on the same port ends with status 0"));
    }
    if second.last_log(stage.deadline()).is_none_or(|log| log.trim().is_empty()) {
        return Err(Fault::broken("a second server on the same port ends without a word"));
    }
    // The first one did not notice.
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    stage.relay(&mut ann, b"still here", &mut [&mut bob])?;
    Ok(Finding::Kept)
}

/// (SPEC SHD-05)
fn a_second_signal_ends_at_once(stage: &mut Stage) -> Result<Finding, Fault> {
    if stage.declared().grace.is_some_and(|grace| grace <= stage.deadline()) {
        let what = "one signal ends it as fast as that; it has no words for a longer --grace";
        return Err(Fault::Inapplicable(what.into()));
    }
    let _crowd = Crowd::gather(stage)?;
    let start = Instant::now();
    while start.elapsed() < stage.deadline() {
        // Two signals in one moment count as one: whoever is ended by the second is ended by some later one.
        stage.process()?.terminate();
        if stage.process()?.wait(BETWEEN_SIGNALS).is_some() {
            return Ok(Finding::Kept);
        }
    }
    Err(Fault::broken("the server goes on after more than one signal"))
}

/// (SPEC SHD-06)
fn members_are_told_of_the_end(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    stage.relay(&mut ann, b"hello", &mut [&mut bob])?;
    stage.process()?.terminate();
    for client in [&mut ann, &mut bob] {
        let pairs = stage.read_to_end(client)?;
        let [notice] = &pairs[..] else {
            let (label, count) = (client.label(), pairs.len());
            let what = format!("{label} received {count} pairs at the end, and not one notice");
            return Err(Fault::broken(what));
        };
        client.check_refusal(notice)?;
    }
    Ok(Finding::Kept)
}

/// Nothing but the server's own words, whole, and then an end in order.
fn expect_farewell(stage: &Stage, client: &mut Client) -> Result<(), Fault> {
    while let Next::Pair(pair) = client.next(stage.deadline())? {
        client.check_refusal(&pair)?;
    }
    match client.expect_end(Duration::ZERO)? {
        End::Eof => Ok(()),
        End::Reset => Err(Fault::broken(format!("{} is reset instead of closed", client.label()))),
    }
}

/// Those who could hold up an end: somebody silent, somebody without a name, somebody inside a frame, and
/// somebody who does not read while somebody else goes on speaking.
struct Crowd(#[expect(dead_code, reason = "they only have to be there")] Vec<Client>);

impl Crowd {
    fn gather(stage: &mut Stage) -> Result<Self, Fault> {
        let (mut ann, mut idle) = (stage.join("ann")?, stage.join("idle")?);
        let mut stuck = stage.join("stuck")?;
        stage.fence_all(&mut [&mut ann, &mut idle, &mut stuck])?;
        stage.dismiss_witness();
        let unnamed = stage.connect("unnamed")?;
        stuck.write(b"5         he")?;
        idle.narrow();
        let flood = Flood::filling(b"ann");
        let mut reading = [Reader::eager(&mut stuck)];
        let mut pour = Pour::new(&flood, &mut ann);
        pour.until_stuck(stage, &mut reading)?;
        Ok(Self(vec![ann, idle, stuck, unnamed]))
    }
}

/// Nobody is given up for not reading. In half a window, for which such a member holds up the room, is more than
/// the kernel takes for it after all: given time it makes room for some 600 KB.
const SHORT_GRACE: &[&str] = &["--grace", "500ms", "--window", "8MiB", "--patience", "1h"];
const LONG_GRACE: &[&str] = &["--grace", "1h", "--window", "8MiB", "--patience", "1h"];
const READ_BYTES: usize = 1 << 20;
const BETWEEN_SIGNALS: Duration = Duration::from_millis(50);
