//! Cases of readers that are slow, or do not read at all.

use std::time::{Duration, Instant};

use load::measure::peak_resident;

use super::{Case, Finding, Needs};
use crate::suite::blame::{Fault, needed};
use crate::suite::client::{Client, End, Next};
use crate::suite::stage::Stage;
use crate::suite::stream::{Flood, Moved, Pour, Poured, Reader};
use crate::target::SlowPolicy;

pub(super) const CASES: &[Case] = &[
    Case::new("BPR-01", Needs::Sockets, an_idle_reader_delays_nobody).with(SHORT),
    Case::new("BPR-02", Needs::Sockets, an_idle_reader_gets_no_gap).with(SHORT),
    Case::new("BPR-03", Needs::Sockets, an_idle_reader_meets_the_policy).with(SHORT),
    Case::new("BPR-04", Needs::Process, idle_readers_cost_what_is_declared).with(SMALL),
    Case::new("BPR-05", Needs::Sockets, an_idle_reader_slows_no_sender).with(SHORT),
    Case::new("BPR-06", Needs::Process, a_slow_reader_is_waited_for_at_rest).with(PATIENT),
    Case::new("BPR-07", Needs::Process, readers_that_read_lose_nothing).with(PATIENT),
    Case::new("BPR-08", Needs::Sockets, an_idle_reader_is_cut_off).with(SHORT),
    Case::new("BPR-09", Needs::Sockets, unread_answers_end_a_member).with(SENDER_ONLY),
];

/// (SPEC BPR-01)
fn an_idle_reader_delays_nobody(stage: &mut Stage) -> Result<Finding, Fault> {
    let patience = needed(stage.declared().patience, "patience")?;
    let mut scene = Scene::set(stage, 1, 1)?;
    scene.flood(stage, patience + stage.deadline())?;
    scene.talk_on(stage)?;
    Ok(Finding::Kept)
}

/// It reads on when all is over (SPEC BPR-02).
fn an_idle_reader_gets_no_gap(stage: &mut Stage) -> Result<Finding, Fault> {
    let mut scene = Scene::set(stage, 1, 1)?;
    scene.flood(stage, long(stage))?;
    let mut reader = Reader::eager(&mut scene.idle[0]);
    while reader.read(&scene.flood, BREATH)? > 0 {}
    if !reader.is_done(&scene.flood) {
        // What is said now must not come before the rest.
        (0..3).try_for_each(|_| scene.speaker.say(b"is anything missing?"))?;
        reader.read_on(&scene.flood, stage.deadline())?;
    }
    Ok(Finding::Kept)
}

/// (SPEC BPR-03)
fn an_idle_reader_meets_the_policy(stage: &mut Stage) -> Result<Finding, Fault> {
    let policy = needed(stage.declared().slow_readers, "policy for slow readers")?;
    let mut scene = Scene::set(stage, 1, 1)?;
    scene.flood(stage, long(stage))?;
    match (policy, is_ended(&mut scene.idle[0], &scene.flood)) {
        (SlowPolicy::Ends, true) | (SlowPolicy::Keeps, false) => Ok(Finding::Kept),
        (SlowPolicy::Ends, false) => {
            Err(Fault::broken("a reader that never reads is declared to be ended, and is not"))
        }
        (SlowPolicy::Keeps, true) => {
            Err(Fault::broken("a reader that never reads is declared to be kept, and is ended"))
        }
    }
}

/// By a reset, which is seen at once, or in order, behind what was not read.
fn is_ended(idle: &mut Client, flood: &Flood) -> bool {
    idle.await_break(BREATH)
        || (Reader::eager(idle).read_on(flood, BREATH).is_ok() && idle.end().is_some())
}

/// (SPEC BPR-04)
fn idle_readers_cost_what_is_declared(stage: &mut Stage) -> Result<Finding, Fault> {
    let memory = needed(stage.declared().memory, "memory for messages")?;
    let mut scene = Scene::set(stage, 1, 10)?;
    scene.flood = Flood::of(b"ann", MEMORY_FLOOD_BYTES);
    let before = stage.usage()?.resident;
    // How long it takes is the business of other rows.
    scene.flood(stage, MEMORY_FLOOD_TIME)?;
    check_memory(stage, before, memory)
}

/// (SPEC BPR-05)
fn an_idle_reader_slows_no_sender(stage: &mut Stage) -> Result<Finding, Fault> {
    let patience = needed(stage.declared().patience, "patience")?;
    let mut scene = Scene::set(stage, 1, 1)?;
    let poured = scene.flood(stage, patience + stage.deadline())?;
    let waited = poured.stood_still.as_millis();
    Ok(Finding::Noted(format!("the sender waited for {waited} ms in all")))
}

/// It does not read for a moment and then a little at a time (SPEC BPR-06).
fn a_slow_reader_is_waited_for_at_rest(stage: &mut Stage) -> Result<Finding, Fault> {
    let Scene { mut speaker, mut idle, flood, .. } = Scene::set(stage, 0, 1)?;
    let mut bystander = stage.join("bystander")?;
    stage.dismiss_witness();
    stage.fence(&mut speaker, &mut [&mut idle[0], &mut bystander])?;
    let mut pour = Pour::new(&flood, &mut speaker);
    let mut hearing = Reader::eager(&mut bystander);
    pour.until_stuck(stage, std::slice::from_mut(&mut hearing))?;
    stage.expect_rest("it waited for a full socket", |quiet| {
        // It may be ended meanwhile; the wait is only shorter then.
        idle[0].await_break(quiet);
        Ok(())
    })?;
    let slow = Reader::steady(&mut idle[0], LITTLE_BYTES);
    pour.finish(stage, &mut [hearing, slow], long(stage))?;
    Ok(Finding::Kept)
}

/// Once as fast as they can, once a little at a time (SPEC BPR-07).
fn readers_that_read_lose_nothing(stage: &mut Stage) -> Result<Finding, Fault> {
    let memory = needed(stage.declared().memory, "memory for messages")?;
    let Scene { mut speaker, mut readers, .. } = Scene::set(stage, 10, 0)?;
    readers.iter_mut().for_each(Client::narrow);
    let before = stage.usage()?.resident;
    let mut refusals = 0;
    for (bytes, most) in [(FULL_SPEED_BYTES, EAGER_BYTES), (STEADY_BYTES, STEADY_READ_BYTES)] {
        let flood = Flood::of(b"ann", bytes);
        let mut reading: Vec<Reader<'_>> =
            readers.iter_mut().map(|client| Reader::steady(client, most)).collect();
        let pour = Pour::new(&flood, &mut speaker);
        refusals += pour.finish(stage, &mut reading, long(stage))?.refusals;
        reading.iter().try_for_each(|reader| reader.check_complete(&flood))?;
    }
    check_memory(stage, before, memory)?;
    Ok(Finding::Noted(format!("the sender could not send in {refusals} turns")))
}

/// By a reset, and nine others notice nothing (SPEC BPR-08).
fn an_idle_reader_is_cut_off(stage: &mut Stage) -> Result<Finding, Fault> {
    let patience = needed(stage.declared().patience, "patience")?;
    let mut scene = Scene::set(stage, 9, 1)?;
    // A second, as far as this machine's seconds go.
    let second = stage.deadline() / 2;
    scene.flood(stage, patience + second)?;
    let idle = &mut scene.idle[0];
    if !idle.await_break(second) {
        return Err(Fault::broken("a reader that never reads is not cut off"));
    }
    Reader::eager(idle).read_on(&scene.flood, Duration::ZERO)?;
    match idle.end() {
        Some(End::Reset) => Ok(Finding::Kept),
        _ => Err(Fault::broken("a reader that never reads is closed and not reset")),
    }
}

/// (SPEC BPR-09)
fn unread_answers_end_a_member(stage: &mut Stage) -> Result<Finding, Fault> {
    let patience = needed(stage.declared().patience, "patience")?;
    let mut ann = stage.connect("ann")?;
    ann.say(b"ann")?;
    ann.say(b"is this answered?")?;
    let Next::Pair(_) = ann.next(stage.deadline())? else {
        return Err(Fault::Undeclared("answers to a client's own doing"));
    };
    ann.narrow();
    let flood = Flood::filling(b"ann");
    let mut pour = Pour::new(&flood, &mut ann);
    let mut still = Instant::now();
    while still.elapsed() < patience + stage.deadline() {
        match pour.turn(&mut []) {
            Ok(Moved::Something) => still = Instant::now(),
            Ok(Moved::Nothing) if !pour.speaker().await_break(stage.look_pace()) => {}
            // It is cut off, which a write meets as well.
            Ok(Moved::Nothing) | Err(_) => return Ok(Finding::Kept),
        }
    }
    Err(Fault::broken("a member that does not read its answers is waited for"))
}

/// A speaker, those who read, and those who do not.
struct Scene {
    speaker: Client,
    readers: Vec<Client>,
    idle: Vec<Client>,
    flood: Flood,
}

impl Scene {
    fn set(stage: &mut Stage, readers: usize, idle: usize) -> Result<Self, Fault> {
        let mut speaker = stage.join("ann")?;
        let mut crowd = |kind: &str, count: usize| -> Result<Vec<Client>, Fault> {
            (0..count).map(|number| stage.join(&format!("{kind}{number}"))).collect()
        };
        let (mut readers, mut idle) = (crowd("reader", readers)?, crowd("idle", idle)?);
        idle.iter_mut().for_each(Client::narrow);
        let mut all: Vec<&mut Client> = vec![&mut speaker];
        all.extend(readers.iter_mut().chain(&mut idle));
        stage.fence_all(&mut all)?;
        stage.dismiss_witness();
        Ok(Self { speaker, readers, idle, flood: Flood::filling(b"ann") })
    }

    /// Floods the room while the idle ones do not read; everybody else has to receive everything.
    fn flood(&mut self, stage: &Stage, patience: Duration) -> Result<Poured, Fault> {
        let mut reading: Vec<Reader<'_>> = self.readers.iter_mut().map(Reader::eager).collect();
        let pour = Pour::new(&self.flood, &mut self.speaker);
        let poured = pour.finish(stage, &mut reading, patience)?;
        reading.iter().try_for_each(|reader| reader.check_complete(&self.flood))?;
        Ok(poured)
    }

    /// Those who read go on as if nothing had happened.
    fn talk_on(&mut self, stage: &mut Stage) -> Result<(), Fault> {
        let reader = &mut self.readers[0];
        stage.relay(&mut self.speaker, b"still here", &mut [&mut *reader])?;
        stage.relay(reader, b"me too", &mut [&mut self.speaker])?;
        stage.fence_all(&mut [&mut self.speaker, reader])
    }
}

/// Longer than any patience, declared or not.
fn long(stage: &Stage) -> Duration {
    stage.declared().patience.unwrap_or(PATIENCE_ASSUMED) + stage.deadline()
}

fn check_memory(stage: &Stage, before: u64, declared: u64) -> Result<Finding, Fault> {
    let id = stage.process()?.id();
    let peak = peak_resident(id).ok_or_else(|| Fault::Inapplicable(NOT_TOLD.into()))?;
    let grown = peak.saturating_sub(before);
    let note = format!("{} KiB more, of {} KiB declared", grown >> 10, declared >> 10);
    if grown > declared + MEMORY_SLACK {
        return Err(Fault::broken(format!("the server's memory grew by {note}")));
    }
    Ok(Finding::Noted(note))
}

/// Flags for little room, few clients, short messages and so much patience.
const fn small(patience: &'static str) -> [&'static str; 10] {
    [
        "--window",
        "1MiB",
        "--patience",
        patience,
        "--max-clients",
        "32",
        "--max-message",
        "4KiB",
        "--direct-bytes",
        "4KiB",
    ]
}

/// Our servers, with little room and little patience.
const SHORT: &[&str] = &["--window", "1MiB", "--patience", "300ms"];
/// And with few clients, so that what they declare to need is little.
const SMALL: &[&str] = &small("300ms");
/// Little room, and time for a slow reader on a busy machine.
const PATIENT: &[&str] = &small("10s");
const SENDER_ONLY: &[&str] = &["--relay", "sender", "--patience", "300ms"];
/// For servers that do not declare theirs.
const PATIENCE_ASSUMED: Duration = Duration::from_secs(10);
/// After which it is taken that nothing more comes by itself.
const BREATH: Duration = Duration::from_millis(400);
/// Far more than any bound that a server under test declares.
const MEMORY_FLOOD_BYTES: usize = 64 << 20;
const MEMORY_FLOOD_TIME: Duration = Duration::from_mins(1);
const FULL_SPEED_BYTES: usize = 16 << 20;
const EAGER_BYTES: usize = 256 * 1024;
const LITTLE_BYTES: usize = 32 * 1024;
/// Some 20 MB/s for each of ten readers that take turns: less than any server sends.
const STEADY_READ_BYTES: usize = 4 * 1024;
const STEADY_BYTES: usize = 8 << 20;
/// What an allocator keeps for itself, threads' stacks, code that was not run before.
const MEMORY_SLACK: u64 = 8 << 20;
const NOT_TOLD: &str = "this system does not tell what a process uses";
