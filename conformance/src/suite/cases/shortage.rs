//! Shortage: cases of a server that has no descriptor, thread or place left.

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

/// Two members go on talking (SPEC RES-01).
fn members_talk_when_no_descriptor_is_left(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let outcome = Setup::new(fixture).and_then(|mut setup| {
        (0..20).try_for_each(|_| setup.exchange(fixture))?;
        fixture.fence_all(&mut [&mut setup.ann, &mut setup.bob])
    });
    outcome.map_err(|error| or_ended(fixture, error))?;
    Ok(Finding::Kept)
}

/// The server neither loops nor fills its log (SPEC RES-02).
fn no_busy_loop_when_no_descriptor_is_left(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let mut setup = Setup::new(fixture)?;
    let before = fixture.process()?.log_bytes();
    fixture.expect_idle_cpu("it had no free descriptor", |quiet| {
        setup.ann.expect_nothing_within(quiet)
    })?;
    let logged = fixture.process()?.log_bytes() - before;
    if logged > LOG_BYTES_MAX {
        let what =
            format!("the server logged {logged} bytes in a second while it had no free descriptor");
        return Err(TestError::broken(what));
    }
    setup.exchange(fixture)?;
    Ok(Finding::Kept)
}

/// When the waiting clients have left, the server accepts new ones (SPEC RES-03).
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
    // The limit does not apply to root.
    fixture.restart_as(if geteuid().is_root() { User::Nobody } else { User::Same })?;
    let (mut ann, mut bob) = (fixture.join("ann")?, fixture.join("bob")?);
    // The server already has more threads than that.
    fixture.process()?.limit("nproc", 1).map_err(cannot_limit)?;
    let outcome = newcomer_outcome(fixture).and_then(|fate| {
        fixture.relay(&mut ann, b"still here", &mut [&mut bob])?;
        fixture.relay(&mut bob, b"me too", &mut [&mut ann])?;
        Ok(Finding::Noted(format!("a newcomer was {fate}")))
    });
    outcome.map_err(|error| or_ended(fixture, error))
}

/// What the server does with one more client.
fn newcomer_outcome(fixture: &mut Fixture) -> Result<&'static str, TestError> {
    let mut cyd = fixture.connect("cyd")?;
    // The server may reject it before it has sent its name.
    cyd.say(b"cyd").ok();
    match fixture.try_admit(&mut cyd)? {
        Admission::In => Ok("accepted, without a thread of its own"),
        Admission::Ended(_) => Ok("refused"),
        Admission::Silent => {
            Err(TestError::broken("the server neither accepted nor rejected a newcomer"))
        }
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
    // The hidden witness also takes a place.
    for number in 3..places {
        members.push(fixture.join(&format!("member{number}"))?);
    }
    let mut late = fixture.connect("late")?;
    late.say(b"late").ok();
    late.expect_refusal(fixture.deadline())?;
    fixture.fence_all(&mut [&mut ann, &mut bob])?;
    Ok(Finding::Kept)
}

/// Two members of a server that has no free descriptor, and clients that wait to be accepted.
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
        // The kernel completes these connections, whatever the server does.
        let newcomers = (0..NEWCOMERS).map(|number| {
            let mut newcomer = fixture.connect(&format!("newcomer{number}"))?;
            // A silent client would be another test. The server may already have rejected this one.
            newcomer.say(newcomer.label().to_owned().as_bytes()).ok();
            Ok(newcomer)
        });
        let mut setup = Self { ann, bob, newcomers: newcomers.collect::<Result<_, _>>()? };
        let start = Instant::now();
        // A server that accepts no more than it can hold stays below the limit, which is fine.
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

/// If the server has ended, reports that instead of what its clients saw first.
fn or_ended(fixture: &Fixture, error: TestError) -> TestError {
    let status = fixture.process().ok().and_then(|process| process.wait(fixture.deadline()));
    status.map_or(error, |status| TestError::broken(format!("the server has ended ({status})")))
}

#[expect(clippy::needless_pass_by_value, reason = "it is a function for map_err")]
fn cannot_limit(error: std::io::Error) -> TestError {
    TestError::Inapplicable(format!("the server's limits cannot be set: {error}"))
}

/// Descriptors that are free when the newcomers connect.
const SPARE: u64 = 8;
const NEWCOMERS: usize = 40;
/// In one or two seconds: a few lines, but not one for each attempt.
const LOG_BYTES_MAX: u64 = 4096;
/// The suite fills each place with a client.
const PLACES_MAX: usize = 1000;
