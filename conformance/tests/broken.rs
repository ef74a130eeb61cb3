//! The suite is tested with broken servers: each breaks one rule, and the row of that rule has to see it,
//! and to say what it saw. One trial per mutant and row.

#[path = "broken/declared.rs"]
mod declared;
#[path = "broken/hall.rs"]
mod hall;
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
#[path = "broken/spoil.rs"]
mod spoil;

use std::ops::RangeInclusive;
use std::process::ExitCode;
use std::sync::Arc;

use conformance::failure::Failure;
use conformance::memory::MemoryRoom;
use conformance::model::Model;
use conformance::spec::{Keyword, Rule, rules};
use conformance::subject::OurServer;
use conformance::suite::{Plan, Verdict, run_row};
use conformance::target::Subject;
use libtest_mimic::{Arguments, Failed, Trial};

use self::room::{BrokenRoom, Defect};

/// What is wrong with a server, and how such a server is had.
#[derive(Clone, Copy, Debug)]
enum Mutant {
    /// The room in memory, behind a wire with a defect.
    Memory(Defect),
    /// One of our servers behind a proxy that writes the two frames of each pair apart.
    TwoWrites,
    /// A small server in a process of its own.
    Process(server::Defect),
    /// One of our servers that runs with these flags and declares others.
    Declares(&'static [&'static str]),
}

/// A mutant, the rows that have to see it, and what each has to say of it: a defect that ends a row before
/// its rule is tried has not been seen. Other rows may see it too.
type Kill = (Mutant, &'static [(&'static str, &'static str)]);

fn main() -> ExitCode {
    server::serve_if_asked();
    let arguments = Arguments::from_args();
    let table: Vec<Kill> =
        [memory::KILLS, declared::KILLS, process::KILLS].into_iter().flatten().copied().collect();
    let mut trials: Vec<Trial> =
        table.iter().flat_map(|(mutant, ids)| kills(*mutant, ids)).collect();
    trials.push(Trial::test("no_row_is_without_a_mutant", move || every_row_is_failed(&table)));
    trials.push(Trial::test("a_failure_tells_everything", || {
        a_failure_tells_everything();
        Ok(())
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The trials of one mutant: each row fails on it, and passes on the same server without the defect.
fn kills(mutant: Mutant, ids: &'static [(&'static str, &'static str)]) -> Vec<Trial> {
    let trials = ids.iter().map(|&(id, expected)| {
        Trial::test(format!("{mutant:?}::{id}"), move || {
            fails(mutant, id, expected)?;
            sound(mutant).map_or(Ok(()), |sound| passes(&*sound, id))
        })
    });
    trials.collect()
}

fn fails(mutant: Mutant, id: &str, expected: &str) -> Result<(), Failed> {
    let failure = match verdict(&*subject(mutant), id, slack(mutant)) {
        Verdict::Fail(failure) | Verdict::Weak(failure) => failure,
        verdict => return Err(format!("the row does not see it: {verdict:?}").into()),
    };
    let said = what_happened(&failure);
    if !said.contains(expected) {
        return Err(format!("`{expected}` is not in\n{said}").into());
    }
    Ok(())
}

fn passes(sound: &dyn Subject, id: &str) -> Result<(), Failed> {
    match verdict(sound, id, SLACK) {
        Verdict::Pass(_) => Ok(()),
        verdict => Err(format!("without the defect the row does not pass: {verdict:?}").into()),
    }
}

fn subject(mutant: Mutant) -> Arc<dyn Subject> {
    match mutant {
        Mutant::Memory(defect) => Arc::new(BrokenRoom { defect }),
        Mutant::TwoWrites => Arc::new(proxy::TwoWritesPerPair),
        Mutant::Process(defect) => Arc::new(server::BrokenServer { defect }),
        Mutant::Declares(really) => Arc::new(declared::Misdeclared { really }),
    }
}

/// A process is waited for as in the suite's own test, unless it is seen by nothing but waiting.
fn slack(mutant: Mutant) -> f64 {
    match mutant {
        Mutant::Process(defect) if defect.shows_at_once() => PROCESS_SLACK,
        _ => SLACK,
    }
}

/// The same without the defect, where that is not run by the suite's own test anyway.
fn sound(mutant: Mutant) -> Option<Arc<dyn Subject>> {
    match mutant {
        Mutant::Memory(defect) => defect.shows_in_memory().then(|| Arc::new(MemoryRoom) as _),
        Mutant::TwoWrites | Mutant::Process(_) | Mutant::Declares(_) => None,
    }
}

/// A row that no mutant can fail is no test.
fn every_row_is_failed(table: &[Kill]) -> Result<(), Failed> {
    let failed: Vec<&str> = table.iter().flat_map(|(_, ids)| *ids).map(|(id, _)| *id).collect();
    let binding = |rule: &Rule| matches!(rule.keyword, Keyword::Must | Keyword::Should);
    let all = rules();
    let bound = all.iter().filter(|rule| LEVELS_COVERED.contains(&rule.level) && binding(rule));
    let unseen: Vec<&str> = bound.map(|rule| &*rule.id).filter(|id| !failed.contains(id)).collect();
    if unseen.is_empty() { Ok(()) } else { Err(format!("failed by nothing: {unseen:?}").into()) }
}

fn a_failure_tells_everything() {
    let Verdict::Fail(failure) = verdict(&BrokenRoom { defect: Defect::Echo }, "RLY-02", SLACK)
    else {
        panic!("an echo passes")
    };
    let text = failure.to_string();
    for part in [
        "RLY-02: A sender MUST NOT",
        "got            3         ann5         first",
        "likely cause   the sender is left out",
        "ann      >> 5         first",
        "seed           1",
        "again with     rerun RLY-02 1",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
}

/// The part of a report that is about the server: neither the rule nor its likely cause.
fn what_happened(failure: &Failure) -> String {
    let report = failure.to_string();
    let (_, happened) = report.split_once("  what happened  ").expect("every report has it");
    happened.split("  likely cause").next().unwrap_or_default().into()
}

fn verdict(subject: &dyn Subject, id: &str, slack: f64) -> Verdict {
    let rules = rules();
    let rule: &Rule = rules.iter().find(|rule| rule.id == id).expect("the table names rules");
    run_row(rule, subject, Plan { seed: 1, slack }).verdict
}

/// One of our servers as it should be.
fn our_server() -> OurServer {
    OurServer { model: Model::Select, exe: env!("CARGO_BIN_EXE_conformance").into() }
}

/// Levels of which every row is failed by some mutant.
const LEVELS_COVERED: RangeInclusive<u8> = 0..=0;

/// Short deadlines: nothing here has to be waited for.
const SLACK: f64 = 0.1;
/// On a busy machine a process may be slow, and has to fail for its defect.
const PROCESS_SLACK: f64 = 2.0;
