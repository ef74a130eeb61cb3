//! Suite: runs every test of every rule on every server of this project and on the room in memory,
//! and those of level 0 on a stand-in for the tutorial's server and on the naive servers. One trial
//! per rule and target, named as in `select::RLY-03`. The order of the trials and all other random
//! choices depend on `CONFORMANCE_SEED`.

#[path = "common/machine.rs"]
mod machine;
#[path = "common/python.rs"]
mod python;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use conformance::baselines::Baseline;
use conformance::spec::{Party, Rule, rules};
use conformance::suite::cases::{Needs, case};
use conformance::suite::{Plan, Verdict, is_tested, run_row};
use conformance::support::token::mixed;
use conformance::target::{CommandServer, MemoryRoom, Model, OurServer, Target};
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    machine::raise_descriptors();
    let plan = Plan { seed: seed(), slack: 2.0, level: 2 };
    let rules: Vec<Arc<Rule>> = rules()
        .into_iter()
        .filter(|rule| is_tested(rule) && rule.party() == Party::Server)
        .map(Arc::new)
        .collect();
    let mut trials = Vec::new();
    for model in Model::ALL {
        let target = Arc::new(OurServer { model, exe: env!("CARGO_BIN_EXE_conformance").into() });
        trials.extend(
            rules
                .iter()
                .map(|rule| trial(model.name(), rule, &target, plan, machine::obstacle(&rule.id))),
        );
    }
    trials.extend(rules.iter().map(|rule| {
        let obstacle = takes_sockets(rule).then_some("takes sockets");
        trial("room", rule, &Arc::new(MemoryRoom), plan, obstacle)
    }));
    let guest = Arc::new(CommandServer { command: guest_command(), manifest: None });
    let obstacle = python::obstacle();
    let level_0 = rules.iter().filter(|rule| rule.level == 0);
    let level_0_plan = Plan { level: 0, ..plan };
    trials.extend(level_0.clone().map(|rule| trial("guest", rule, &guest, level_0_plan, obstacle)));
    for rung in Baseline::NAIVE {
        let command = rung.command(Path::new(env!("CARGO_BIN_EXE_conformance")));
        let server = Arc::new(CommandServer { command, manifest: None });
        let obstacle = |rule: &Rule| machine::obstacle(&rule.id);
        trials.extend(
            level_0
                .clone()
                .map(|rule| trial(rung.name(), rule, &server, level_0_plan, obstacle(rule))),
        );
    }
    shuffle(&mut trials, plan.seed);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// One rule on one target. If this machine lacks something, the trial is listed as ignored with the
/// reason.
fn trial<S: Target + Send + Sync + 'static>(
    label: &str,
    rule: &Arc<Rule>,
    target: &Arc<S>,
    plan: Plan,
    obstacle: Option<&str>,
) -> Trial {
    let (rule, target) = (Arc::clone(rule), Arc::clone(target));
    let name = format!("{label}::{}", rule.id);
    let run = move || {
        let _turn = machine::turn(&rule.id);
        check(&run_row(&rule, &*target, plan).verdict)
    };
    Trial::test(name, run)
        .with_kind(obstacle.unwrap_or_default())
        .with_ignored_flag(obstacle.is_some())
}

/// Every rule has to be kept, including each SHOULD and MAY: our servers implement all of them.
fn check(verdict: &Verdict) -> Result<(), Failed> {
    match verdict {
        Verdict::Pass(_) | Verdict::Info(_) => Ok(()),
        Verdict::Fail(failure) | Verdict::Weak(failure) | Verdict::Differs(failure) => {
            Err(Failed::from(failure))
        }
        Verdict::Unsupported(reason) | Verdict::Skip(reason) | Verdict::Inconclusive(reason) => {
            Err(reason.into())
        }
    }
}

/// Whether none of a rule's tests can run on the room in memory.
fn takes_sockets(rule: &Rule) -> bool {
    rule.conversations.is_empty() && case(&rule.id).is_some_and(|case| case.needs >= Needs::Sockets)
}

fn guest_command() -> Vec<std::ffi::OsString> {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("guests/server.py");
    vec!["python3".into(), script.into(), "--port".into(), "{port}".into()]
}

/// The requested seed. It is printed, so that a failure can be repeated.
fn seed() -> u64 {
    let seed = env::var("CONFORMANCE_SEED").map_or(Ok(SEED), |seed| seed.parse());
    let seed = seed.expect("CONFORMANCE_SEED is a whole number");
    eprintln!("CONFORMANCE_SEED={seed}");
    seed
}

/// Shuffles the trials with the seed: no trial may depend on an earlier one.
fn shuffle(trials: &mut Vec<Trial>, seed: u64) {
    let mut places: Vec<(u64, Trial)> = (seed..).map(mixed).zip(trials.drain(..)).collect();
    places.sort_by_key(|(place, _)| *place);
    trials.extend(places.into_iter().map(|(_, trial)| trial));
}

/// The seed if none is requested.
const SEED: u64 = 1;
