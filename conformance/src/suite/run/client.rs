//! Client: runs the case of a rule for clients against one client, and gives one verdict.

use std::time::Instant;

use super::{Plan, Row, Verdict};
use crate::spec::Rule;
use crate::suite::cases::{Finding, client_case};
use crate::suite::client_fixture::{ClientCommand, ClientFixture};
use crate::suite::error::TestError;
use crate::suite::failure::Failure;

/// Runs the case of a rule for clients.
pub fn run_client_row<'a>(rule: &'a Rule, client: &ClientCommand, plan: Plan) -> Row<'a> {
    let start = Instant::now();
    let verdict = verdict(rule, client, plan);
    Row { rule, verdict, elapsed: start.elapsed() }
}

fn verdict(rule: &Rule, client: &ClientCommand, plan: Plan) -> Verdict {
    let Some(case) = client_case(&rule.id) else {
        return Verdict::Skip("it is about servers".into());
    };
    let fixture = ClientFixture::new(client, plan.slack);
    match (case.run)(&fixture) {
        Ok(Finding::Kept) => Verdict::kept(rule.keyword, &[]),
        Ok(Finding::Noted(note)) => Verdict::kept(rule.keyword, &[note]),
        Err(TestError::Inapplicable(reason)) => Verdict::Skip(reason),
        Err(error @ TestError::Undeclared(_)) => Verdict::Unsupported(error.to_string()),
        Err(TestError::Inconclusive(reason)) => Verdict::Inconclusive(reason),
        Err(error) => Verdict::broken(
            rule.keyword,
            Box::new(Failure {
                id: rule.id.clone(),
                sentence: rule.sentence.clone(),
                error,
                transcript: fixture.transcript().last_lines(),
                log: String::new(),
                seed: plan.seed,
                rerun: client.rerun(&rule.id, plan.seed),
            }),
        ),
    }
}
