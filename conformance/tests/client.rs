//! Client: tests the rules for clients on the line client of this project. One trial per rule,
//! named as in
//! `client::CLI-01`.

use std::process::ExitCode;
use std::sync::Arc;

use conformance::spec::{Party, Rule, rules};
use conformance::suite::client_fixture::ClientCommand;
use conformance::suite::{Plan, Verdict, run_client_row};
use conformance::target::Origin;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() -> ExitCode {
    let rules = rules().into_iter().filter(|rule| rule.party() == Party::Client);
    let trials = rules.map(|rule| {
        let rule = Arc::new(rule);
        Trial::test(format!("client::{}", rule.id), move || keeps(&rule))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

fn keeps(rule: &Rule) -> Result<(), Failed> {
    match run_client_row(rule, &the_line_client(), PLAN).verdict {
        Verdict::Pass(_) => Ok(()),
        Verdict::Fail(failure) => Err(Failed::from(failure)),
        verdict => Err(format!("{verdict:?}").into()),
    }
}

/// The line client, as a subcommand of the program that Cargo builds for this package's tests.
fn the_line_client() -> ClientCommand {
    let words = [env!("CARGO_BIN_EXE_conformance"), "chat", "--name", "tester", "127.0.0.1:{port}"];
    ClientCommand { command: words.map(Into::into).to_vec(), origin: Origin::Ours }
}

/// The seed is fixed, so that a failure can be repeated.
const PLAN: Plan = Plan { seed: 1, slack: 2.0, level: 2 };
