//! Cases of a server that has nothing left: no descriptor, no thread, no place.

use std::time::Instant;

use rustix::process::geteuid;

use super::{Case, Finding, Needs};
use crate::process::User;
use crate::suite::client::Client;
use crate::suite::error::{TestError, needed};
use crate::suite::fixture::{Admission, Fixture};

pub(super) const CASES: &[Case] = &[
    Case::new("RES-01", Needs::Process, members_talk_when_no_descriptor_is_left),
    Case::new("RES-02", Needs::Process, no_busy_loop_when_no_descriptor_is_left),
    Case::new("RES-03", Needs::Process, clients_are_accepted_when_descriptors_are_free_again),
    Case::new("RES-08", Needs::Process, a_newcomer_without_a_thread),
    Case::new("RES-09", Needs::Sockets, a_newcomer_without_a_place).with(&["--max-clients", "6"]),
];

/// (SPEC RES-01)
fn members_talk_when_no_descriptor_is_left(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let outcome = Setup::new(fixture).and_then(|mut setup| {
        (0..20).try_for_each(|_| setup.exchange(fixture))?;
        fixture.fence_all(&mut [&mut setup.ann, &mut setup.bob])
    });
    outcome.map_err(|error| or_ended(fixture, error))?;
    Ok(Finding::Kept)
}

/// (SPEC RES-02)
fn no_busy_loop_when_no_descriptor_is_left(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut setup = Setup::new(fixture)?;
    let before = fixture.process()?.log_bytes();
    fixture
        .expect_idle_cpu("it had no descriptors", |quiet| setup.ann.expect_nothing_within(quiet))?;
    let logged = fixture.process()?.log_bytes() - before;
    if logged > LOG_BYTES_MAX {
        let what = format!("out of descriptors, the server logged {logged} bytes in a moment");
        return Err(TestError::broken(what));
    }
    setup.exchange(fixture)?;
    Ok(Finding::Kept)
}

/// (SPEC RES-03)
fn clients_are_accepted_when_descriptors_are_free_again(
    fixture: &mut Fixture,
) -> Result<Finding, TestError> {
    let mut setup = Setup::new(fixture)?;
    setup.exchange(fixture)?;
    setup.newcomers.clear();
    let mut cyd = fixture.join("cyd")?;
    fixture.relay(&mut cyd, b"at last", &mut [&mut setup.ann, &mut setup.bob])?;
    setup.exchange(fixture)?;
    Ok(Finding::Kept)
}

/// (SPEC RES-08)
fn a_newcomer_without_a_thread(fixture: &mut Fixture) -> Result<Finding, TestError> {
    fixture.require_restart()?;
    // The limit does not bind the mightiest user.
    fixture.restart_as(if geteuid().is_root() { User::Nobody } else { User::Same })?;
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    // It has more threads than that already.
    fixture.process()?.limit("nproc", 1).map_err(cannot_limit)?;
    let outcome = newcomer_outcome(fixture).and_then(|fate| {
        fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
        fixture.relay(&mut bob, b"me too", &mut [&mut ann])?;
        Ok(Finding::Noted(format!("a newcomer was {fate}")))
    });
    outcome.map_err(|error| or_ended(fixture, error))
}

/// What becomes of one more client.
fn newcomer_outcome(fixture: &mut Fixture) -> Result<&'static str, TestError> {
    let mut cyd = fixture.connect("cyd")?;
    // It may be refused as soon as it is there.
    cyd.say(b"cyd").ok();
    match fixture.try_admit(&mut cyd)? {
        Admission::In => Ok("served without a thread of its own"),
        Admission::Ended(_) => Ok("refused"),
        Admission::Silent => Err(TestError::broken("a newcomer is left without an answer")),
    }
}

/// (SPEC RES-09)
fn a_newcomer_without_a_place(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let places = needed(fixture.declared().max_clients, "number of clients")?;
    if places > PLACES_MAX {
        return Err(TestError::Inapplicable(format!("{places} places are too many to fill")));
    }
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    let mut members = Vec::new();
    // The hidden witness is one, too.
    for number in 3..places {
        members.push(fixture.join(&format!("member{number}"))?);
    }
    let mut late = fixture.connect("late")?;
    late.say(b"late").ok();
    late.expect_refusal(fixture.deadline())?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Two members of a server that has no descriptor left, and those who wait to get in.
struct Setup {
    ann: Client,
    bob: Client,
    newcomers: Vec<Client>,
}

impl Setup {
    fn new(fixture: &mut Fixture) -> Result<Self, TestError> {
        let (ann, bob) = (fixture.join("ann")?, fixture.join("bob")?);
        let most = fixture.usage()?.descriptors + SPARE;
        fixture.process()?.limit("nofile", most).map_err(cannot_limit)?;
        // The kernel lets all of them in, whatever the server does.
        let newcomers = (0..NEWCOMERS).map(|number| {
            let mut newcomer = fixture.connect(&format!("newcomer{number}"))?;
            // A silent one would be another test. It may be refused already.
            newcomer.say(newcomer.label().to_owned().as_bytes()).ok();
            Ok(newcomer)
        });
        let mut setup = Self { ann, bob, newcomers: newcomers.collect::<Result<_, _>>()? };
        let start = Instant::now();
        // One that accepts no more than it can hold never gets there, which is as good.
        while fixture.usage()?.descriptors < most && start.elapsed() < fixture.deadline() {
            setup.exchange(fixture)?;
        }
        Ok(setup)
    }

    fn exchange(&mut self, fixture: &Fixture) -> Result<(), TestError> {
        fixture.relay(&mut self.ann, b"still here", &mut [&mut self.bob])?;
        fixture.relay(&mut self.bob, b"me too", &mut [&mut self.ann])
    }
}

/// The plainest word for whatever an ended server looks like to its clients, who see it first.
fn or_ended(fixture: &Fixture, error: TestError) -> TestError {
    let status = fixture.process().ok().and_then(|process| process.wait(fixture.deadline()));
    status.map_or(error, |status| TestError::broken(format!("the server has ended ({status})")))
}

#[expect(clippy::needless_pass_by_value, reason = "it is a function for map_err")]
fn cannot_limit(error: std::io::Error) -> TestError {
    TestError::Inapplicable(format!("the server's limits cannot be set: {error}"))
}

/// Descriptors left when the newcomers come.
const SPARE: u64 = 8;
const NEWCOMERS: usize = 40;
/// In a second or two: a few lines, not a line for every attempt.
const LOG_BYTES_MAX: u64 = 4096;
/// Each is filled by a client of the harness.
const PLACES_MAX: usize = 1000;
