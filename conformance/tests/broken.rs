//! Broken: tests the suite with mutants, each a server or client that breaks one rule. The test of
//! that rule has to fail on it, and its report has to name the defect. One trial per mutant and
//! rule.

#[path = "broken/altered.rs"]
mod altered;
#[path = "broken/client.rs"]
mod client;
#[path = "broken/corrupt.rs"]
mod corrupt;
#[path = "broken/declared.rs"]
mod declared;
#[path = "broken/defect.rs"]
mod defect;
#[path = "broken/excess.rs"]
mod excess;
#[path = "broken/extended.rs"]
mod extended;
#[path = "common/machine.rs"]
mod machine;
#[path = "broken/memory.rs"]
mod memory;
#[path = "broken/process.rs"]
mod process;
#[path = "broken/proxy.rs"]
mod proxy;
#[path = "broken/room.rs"]
mod room;
#[path = "broken/server.rs"]
mod server;
#[path = "broken/server_room.rs"]
mod server_room;
#[path = "broken/silent.rs"]
mod silent;
#[path = "broken/wire.rs"]
mod wire;

use std::env;
use std::process::ExitCode;
use std::sync::Arc;

use conformance::spec::{Keyword, Rule, rules};
use conformance::suite::failure::Failure;
use conformance::suite::{Plan, Verdict, is_tested, run_client_row, run_row};
use conformance::target::{MemoryRoom, Model, OurServer, Target};
use libtest_mimic::{Arguments, Failed, Trial};

use self::client::ClientDefect;
use self::defect::Defect;
use self::excess::{Excess, excessive};
use self::proxy::{Cut, proxied};
use self::room::BrokenRoom;

/// A server or a client with one deliberate defect, and how it is made.
#[derive(Clone, Copy, Debug)]
enum Mutant {
    /// The room in memory, reached over a wire with a defect.
    Memory(Defect),
    /// One of our servers behind a proxy that cuts the bytes in other places.
    Cuts(Cut),
    /// A small server with a defect, in a process of its own.
    Process(server::Defect),
    /// One of our servers that runs with these flags but declares others.
    Misdeclares(&'static [&'static str]),
    /// The same, and the system suspends the server most of the time.
    Suspended(&'static [&'static str]),
    /// One of our servers that ignores these flags.
    IgnoresFlags(&'static [&'static str]),
    /// This program as a small client with a defect.
    Client(ClientDefect),
    /// One of our servers that retains what it should release.
    Retains(Excess),
}

/// A mutant, the rules whose tests have to fail on it, and words that each report has to contain.
/// Without these words the test failed before it reached its rule, and has not detected the defect.
/// Tests of other rules may fail too.
type Kill = (Mutant, &'static [(&'static str, &'static str)]);

fn main() -> ExitCode {
    server::serve_if_asked();
    machine::raise_descriptors();
    if let Some(client) = client::asked_for(env::args()) {
        return client;
    }
    let arguments = Arguments::from_args();
    let table: Vec<Kill> =
        [memory::KILLS, declared::KILLS, excess::KILLS, process::KILLS, client::KILLS]
            .into_iter()
            .flatten()
            .copied()
            .collect();
    let mut trials: Vec<Trial> =
        table.iter().flat_map(|(mutant, ids)| trials_of(*mutant, ids)).collect();
    trials.extend(INDEPENDENT_OF_CUTS.map(|id| {
        let name = format!("single_bytes_change_nothing::{id}");
        Trial::test(name, move || passes(&proxied(Cut::Bytes), id))
    }));
    for defect in [Defect::RejectsSilently, Defect::ResetsAtTheEnd] {
        trials.extend(INDEPENDENT_OF_REASONS.map(|id| {
            let name = format!("{defect:?}_is_a_rejection::{id}");
            Trial::test(name, move || passes(&BrokenRoom { defect }, id))
        }));
    }
    trials.push(Trial::test("every_rule_has_a_mutant", move || every_rule_is_failed(&table)));
    trials.push(Trial::test("a_failure_report_is_complete", || {
        a_failure_report_is_complete();
        Ok(())
    }));
    trials.push(
        Trial::test("a_server_that_cannot_run_is_not_idle", || {
            process::a_server_that_cannot_run_is_not_idle();
            Ok(())
        })
        .with_ignored_flag(machine::obstacle("RES-07").is_some()),
    );
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The trials of one mutant: each rule's test fails on it, and passes on the same server without
/// the defect.
fn trials_of(mutant: Mutant, ids: &'static [(&'static str, &'static str)]) -> Vec<Trial> {
    let trials = ids.iter().map(|&(id, expected)| {
        Trial::test(format!("{mutant:?}::{id}"), move || {
            fails(mutant, id, expected)?;
            without_defect(mutant).map_or(Ok(()), |sound| passes(&*sound, id))
        })
        .with_kind(missing_on_this_machine(mutant, id).unwrap_or_default())
        .with_ignored_flag(missing_on_this_machine(mutant, id).is_some())
    });
    trials.collect()
}

/// What this machine lacks to test a mutant that needs a process.
fn missing_on_this_machine(mutant: Mutant, id: &str) -> Option<&'static str> {
    if matches!(mutant, Mutant::Memory(_)) { None } else { machine::obstacle(id) }
}

fn fails(mutant: Mutant, id: &str, expected: &str) -> Result<(), Failed> {
    let verdict = match mutant {
        Mutant::Client(defect) => client_verdict(defect, id),
        _ => verdict(&*target(mutant), id, slack(mutant)),
    };
    let failure = match verdict {
        Verdict::Fail(failure) | Verdict::Weak(failure) => failure,
        verdict => return Err(format!("the test does not detect it: {verdict:?}").into()),
    };
    let said = what_happened(&failure);
    if !said.contains(expected) {
        return Err(format!("`{expected}` is not in\n{said}").into());
    }
    Ok(())
}

fn passes(sound: &dyn Target, id: &str) -> Result<(), Failed> {
    match verdict(sound, id, SLACK_SOUND) {
        Verdict::Pass(_) => Ok(()),
        verdict => Err(format!("the test does not pass: {verdict:?}").into()),
    }
}

fn target(mutant: Mutant) -> Arc<dyn Target> {
    match mutant {
        Mutant::Memory(defect) => Arc::new(BrokenRoom { defect }),
        Mutant::Cuts(cut) => Arc::new(proxied(cut)),
        Mutant::Process(defect) => Arc::new(server::BrokenServer { defect }),
        Mutant::Misdeclares(really) => Arc::new(declared::misdeclared(really)),
        Mutant::Suspended(really) => Arc::new(declared::suspended(really)),
        Mutant::IgnoresFlags(to) => Arc::new(declared::ignoring_flags(to)),
        Mutant::Client(_) => unreachable!("a client is not a target for servers' rules"),
        Mutant::Retains(excess) => Arc::new(excessive(excess)),
    }
}

/// How long to wait for an event: a test that waits for one that never happens takes its whole
/// deadline.
fn slack(mutant: Mutant) -> f64 {
    match mutant {
        Mutant::Memory(_) => SLACK_MEMORY,
        // The test detects an event, so no deadline passes; on a busy machine it has to fail for
        // its defect.
        Mutant::Process(defect) if defect.shows_at_once() => SLACK_SOUND,
        _ => SLACK_PROCESS,
    }
}

/// The same server without the defect, unless the suite's own test runs it anyway.
fn without_defect(mutant: Mutant) -> Option<Arc<dyn Target>> {
    match mutant {
        Mutant::Memory(defect) => defect.shows_in_memory().then(|| Arc::new(MemoryRoom) as _),
        Mutant::Cuts(_)
        | Mutant::Misdeclares(_)
        | Mutant::Suspended(_)
        | Mutant::IgnoresFlags(_)
        | Mutant::Retains(_)
        | Mutant::Process(_)
        | Mutant::Client(_) => None,
    }
}

/// A test that no mutant fails is no test.
fn every_rule_is_failed(table: &[Kill]) -> Result<(), Failed> {
    let failed: Vec<&str> = table.iter().flat_map(|(_, ids)| *ids).map(|(id, _)| *id).collect();
    let binding = |rule: &Rule| matches!(rule.keyword, Keyword::Must | Keyword::Should);
    let all = rules();
    let bound = all.iter().filter(|rule| is_tested(rule) && binding(rule));
    let unseen: Vec<&str> = bound.map(|rule| &*rule.id).filter(|id| !failed.contains(id)).collect();
    if unseen.is_empty() { Ok(()) } else { Err(format!("no mutant fails {unseen:?}").into()) }
}

fn a_failure_report_is_complete() {
    let Verdict::Fail(failure) =
        verdict(&BrokenRoom { defect: Defect::Echo }, "RLY-02", SLACK_MEMORY)
    else {
        panic!("an echo passes")
    };
    let text = failure.to_string();
    for part in [
        "RLY-02: A sender MUST NOT",
        "received       3         ann5         first",
        "likely cause   the server excludes the sender",
        "ann      >> 5         first",
        "seed           1",
        "run it again   rerun RLY-02 1",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

/// The part of a report about what the server did, without the rule and the likely cause.
fn what_happened(failure: &Failure) -> String {
    let report = failure.to_string();
    let (_, happened) = report.split_once("  what happened  ").expect("every report has it");
    happened.split("  likely cause").next().unwrap_or_default().into()
}

fn verdict(target: &dyn Target, id: &str, slack: f64) -> Verdict {
    let _turn = machine::turn(id);
    run_row(&rule(id), target, Plan { seed: 1, slack, level: 2 }).verdict
}

fn client_verdict(defect: ClientDefect, id: &str) -> Verdict {
    let plan = Plan { seed: 1, slack: SLACK_MEMORY, level: 2 };
    run_client_row(&rule(id), &client::broken(defect), plan).verdict
}

fn rule(id: &str) -> Rule {
    rules().into_iter().find(|rule| rule.id == id).expect("the table names rules")
}

/// One of our servers, without a defect.
fn our_server() -> OurServer {
    OurServer { model: Model::Select, exe: env!("CARGO_BIN_EXE_conformance").into() }
}

/// Rules whose tests compare bytes. Their verdict is the same wherever the network cuts these
/// bytes.
const INDEPENDENT_OF_CUTS: [&str; 16] = [
    "HSK-02", "HSK-03", "HSK-07", "FRM-01", "FRM-02", "FRM-04", "FRM-06", "SEG-04", "RLY-01",
    "RLY-03", "RLY-05", "RLY-08", "UTF-01", "UTF-06", "BAD-05", "CLS-06",
];

/// Rules in whose tests a client is rejected. Only CLS-08 is about the reason and the way in which
/// the connection ends.
const INDEPENDENT_OF_REASONS: [&str; 12] = [
    "FRM-07", "UTF-03", "BAD-02", "BAD-03", "BAD-04", "BAD-05", "LIM-02", "LIM-03", "NAM-03",
    "NAM-04", "NAM-06", "NAM-08",
];

/// In memory, everything that arrives is there at once.
const SLACK_MEMORY: f64 = 0.1;
/// On a busy machine, a server needs some time for what it does right.
const SLACK_PROCESS: f64 = 0.5;
/// For a server without a defect, as in the suite's own test.
const SLACK_SOUND: f64 = 2.0;
