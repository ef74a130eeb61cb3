//! Gate: no figure without a green level 0 of the same program in the same run.

use super::entrant::Entrant;
use crate::spec::rules;
use crate::suite::{Plan, Verdict, is_tested, run_row};

/// Runs level 0 against the entrant, a fresh server for each test.
///
/// # Errors
///
/// The ids of the rules that are not kept, or of which nothing can be said, in one line.
pub(super) fn check(entrant: &Entrant) -> Result<(), String> {
    let rules = rules();
    let tested = rules.iter().filter(|rule| rule.level == 0 && is_tested(rule));
    let broken: Vec<String> = tested
        .map(|rule| run_row(rule, &*entrant.subject, PLAN))
        .filter(|row| matches!(row.verdict, Verdict::Fail(_) | Verdict::Inconclusive(_)))
        .map(|row| format!("{} {}", row.rule.id, row.verdict.word()))
        .collect();
    if broken.is_empty() { Ok(()) } else { Err(format!("level 0: {}", broken.join(", "))) }
}

/// Any seed would do; the same one makes two runs of the lab comparable.
const PLAN: Plan = Plan { seed: 0, slack: 1.0, level: 0 };
