//! Cases of a server that has nothing left: no descriptor, no thread, no place.

use std::time::Instant;

use rustix::process::geteuid;

use super::{Case, Finding, Needs};
use crate::process::User;
use crate::suite::blame::{Fault, needed};
use crate::suite::client::Client;
use crate::suite::stage::{Admission, Stage};

pub(super) const CASES: &[Case] = &[
    Case::new("RES-01", Needs::Process, members_go_on_without_descriptors),
    Case::new("RES-02", Needs::Process, no_descriptors_no_unrest),
    Case::new("RES-03", Needs::Process, descriptors_return_and_so_do_clients),
    Case::new("RES-08", Needs::Process, no_thread_for_a_newcomer),
    Case::new("RES-09", Needs::Sockets, no_place_for_a_newcomer).with(&["--max-clients", "6"]),
];

/// (SPEC RES-01)
fn members_go_on_without_descriptors(stage: &mut Stage) -> Result<Finding, Fault> {
    let outcome = Scene::set(stage).and_then(|mut scene| {
        (0..20).try_for_each(|_| scene.talk_on(stage))?;
        stage.fence_all(&mut [&mut scene.ann, &mut scene.bob])
    });
    outcome.map_err(|fault| or_ended(stage, fault))?;
    Ok(Finding::Kept)
}

/// (SPEC RES-02)
fn no_descriptors_no_unrest(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut scene = Scene::set(stage)?;
    let before = stage.process()?.log_bytes();
    stage.expect_rest("it had no descriptors", |quiet| scene.ann.expect_nothing_within(quiet))?;
    let logged = stage.process()?.log_bytes() - before;
    if logged > LOG_BYTES_MAX {
        let what = format!("out of descriptors, the server logged {logged} bytes in a moment");
        return Err(Fault::broken(what));
    }
    scene.talk_on(stage)?;
    Ok(Finding::Kept)
}

/// (SPEC RES-03)
fn descriptors_return_and_so_do_clients(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut scene = Scene::set(stage)?;
    scene.talk_on(stage)?;
    scene.newcomers.clear();
    let mut cyd = stage.join("cyd")?;
    stage.relay(&mut cyd, b"at last", &mut [&mut scene.ann, &mut scene.bob])?;
    scene.talk_on(stage)?;
    Ok(Finding::Kept)
}

/// (SPEC RES-08)
fn no_thread_for_a_newcomer(stage: &mut Stage) -> Result<Finding, Fault> {
    stage.require_restart()?;
    // The limit does not bind the mightiest user.
    stage.restart_as(if geteuid().is_root() { User::Nobody } else { User::Same })?;
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    // It has more threads than that already.
    stage.process()?.limit("nproc", 1).map_err(unlimited)?;
    let outcome = newcomer(stage).and_then(|fate| {
        stage.relay(&mut ann, b"still here", &mut [&mut bob])?;
        stage.relay(&mut bob, b"me too", &mut [&mut ann])?;
        Ok(Finding::Noted(format!("a newcomer was {fate}")))
    });
    outcome.map_err(|fault| or_ended(stage, fault))
}

/// What becomes of one more client.
fn newcomer(stage: &mut Stage) -> Result<&'static str, Fault> {
    let mut cyd = stage.connect("cyd")?;
    // It may be refused as soon as it is there.
    cyd.say(b"cyd").ok();
    match stage.try_admit(&mut cyd)? {
        Admission::In => Ok("served without a thread of its own"),
        Admission::Ended(_) => Ok("refused"),
        Admission::Silent => Err(Fault::broken("a newcomer is left without an answer")),
    }
}

/// (SPEC RES-09)
fn no_place_for_a_newcomer(stage: &mut Stage) -> Result<Finding, Fault> {
    let places = needed(stage.declared().max_clients, "number of clients")?;
    if places > PLACES_MAX {
        return Err(Fault::Inapplicable(format!("{places} places are too many to fill")));
    }
    let (mut ann, mut bob) = (stage.join("ann")?, stage.join("bob")?);
    let mut members = Vec::new();
    // The hidden witness is one, too.
    for number in 3..places {
        members.push(stage.join(&format!("member{number}"))?);
    }
    let mut late = stage.connect("late")?;
    late.say(b"late").ok();
    late.expect_refusal(stage.deadline())?;
    stage.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Two members of a server that has no descriptor left, and those who wait to get in.
struct Scene {
    ann: Client,
    bob: Client,
    newcomers: Vec<Client>,
}

impl Scene {
    fn set(stage: &mut Stage) -> Result<Self, Fault> {
        let (ann, bob) = (stage.join("ann")?, stage.join("bob")?);
        let most = stage.usage()?.descriptors + SPARE;
        stage.process()?.limit("nofile", most).map_err(unlimited)?;
        // The kernel lets all of them in, whatever the server does.
        let newcomers = (0..NEWCOMERS).map(|number| {
            let mut newcomer = stage.connect(&format!("newcomer{number}"))?;
            // A silent one would be another test. It may be refused already.
            newcomer.say(newcomer.label().to_owned().as_bytes()).ok();
            Ok(newcomer)
        });
        let mut scene = Self { ann, bob, newcomers: newcomers.collect::<Result<_, _>>()? };
        let start = Instant::now();
        // One that accepts no more than it can hold never gets there, which is as good.
        while stage.usage()?.descriptors < most && start.elapsed() < stage.deadline() {
            scene.talk_on(stage)?;
        }
        Ok(scene)
    }

    fn talk_on(&mut self, stage: &Stage) -> Result<(), Fault> {
        stage.relay(&mut self.ann, b"still here", &mut [&mut self.bob])?;
        stage.relay(&mut self.bob, b"me too", &mut [&mut self.ann])
    }
}

/// The plainest word for whatever an ended server looks like to its clients, who see it first.
fn or_ended(stage: &Stage, fault: Fault) -> Fault {
    let status = stage.process().ok().and_then(|process| process.wait(stage.deadline()));
    status.map_or(fault, |status| Fault::broken(format!("the server has ended ({status})")))
}

#[expect(clippy::needless_pass_by_value, reason = "it is a function for map_err")]
fn unlimited(error: std::io::Error) -> Fault {
    Fault::Inapplicable(format!("the server's limits cannot be set: {error}"))
}

/// Descriptors left when the newcomers come.
const SPARE: u64 = 8;
const NEWCOMERS: usize = 40;
/// In a second or two: a few lines, not a line for every attempt.
const LOG_BYTES_MAX: u64 = 4096;
/// Each is filled by a client of the harness.
const PLACES_MAX: usize = 1000;
