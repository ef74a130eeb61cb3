//! The suite: one row per rule, run against one subject, with one verdict.

use std::time::{Duration, Instant};

use crate::cases::{Case, Finding, Needs, case};
use crate::conversation::{Conversation, play};
use crate::failure::Failure;
use crate::fault::Fault;
use crate::spec::{Keyword, Rule, Scope};
use crate::stage::{Conditions, Relay, Stage};
use crate::target::{Medium, NotStarted, Origin, Subject, Target};

/// How the suite is to be run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What chance is drawn from.
    pub seed: u64,
    /// Factor on every deadline.
    pub slack: f64,
    /// The highest level asked for: how far a rule that grows with the level is tried.
    pub level: u8,
}

/// What became of one rule.
#[derive(Debug)]
pub struct Row<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Whether it is kept.
    pub verdict: Verdict,
    /// How long finding out took.
    pub elapsed: Duration,
}

/// Whether a rule is kept.
#[derive(Debug)]
pub enum Verdict {
    /// It is; with something worth knowing, perhaps.
    Pass(Option<String>),
    /// A MUST is not kept.
    Fail(Box<Failure>),
    /// A SHOULD is not kept.
    Weak(Box<Failure>),
    /// The rule leaves it open; this is how the server does it.
    Info(String),
    /// The rule leaves it open, and the server does otherwise than its conversation shows.
    Differs(Box<Failure>),
    /// The server does not declare what the rule is about.
    Unsupported,
    /// The test does not apply to this subject.
    Skip(String),
    /// The harness or the machine is at fault.
    Inconclusive(String),
}

impl Verdict {
    /// The word that reports use.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "PASS",
            Self::Fail(_) => "FAIL",
            Self::Weak(_) => "WEAK",
            Self::Info(_) | Self::Differs(_) => "INFO",
            Self::Unsupported => "UNSUPPORTED",
            Self::Skip(_) => "SKIP",
            Self::Inconclusive(_) => "INCONCLUSIVE",
        }
    }
}

/// Runs every test of a rule, each against a fresh server.
pub fn run_row<'a>(rule: &'a Rule, subject: &dyn Subject, plan: Plan) -> Row<'a> {
    let start = Instant::now();
    let verdict = if rule.scope == Scope::IfDeclared && subject.origin() == Origin::Foreign {
        Verdict::Unsupported
    } else {
        Tests { rule, subject, plan }.verdict()
    };
    Row { rule, verdict, elapsed: start.elapsed() }
}

/// Whether there is any test of a rule.
pub fn is_tested(rule: &Rule) -> bool {
    !rule.conversations.is_empty() || case(&rule.id).is_some()
}

/// The tests of one rule against one subject.
struct Tests<'a> {
    rule: &'a Rule,
    subject: &'a dyn Subject,
    plan: Plan,
}

/// Why a test did not end well.
enum Trouble {
    Failed(Box<Failure>),
    Skipped(String),
    Undeclared,
    Unknown(String),
}

impl Tests<'_> {
    fn verdict(&self) -> Verdict {
        let conversations = self.rule.conversations.iter().map(|c| self.converse(c));
        let outcomes = conversations.chain(case(&self.rule.id).map(|case| self.examine(case)));
        let mut notes = Vec::new();
        let mut skipped = Some("there is no test of it yet".to_owned());
        let mut kept = false;
        for outcome in outcomes {
            match outcome {
                Ok(finding) => {
                    kept = true;
                    notes.extend(finding);
                }
                Err(Trouble::Skipped(reason)) => skipped = Some(reason),
                Err(Trouble::Failed(failure)) => return self.broken(failure),
                Err(Trouble::Undeclared) => return Verdict::Unsupported,
                Err(Trouble::Unknown(reason)) => return Verdict::Inconclusive(reason),
            }
        }
        match skipped.filter(|_| !kept) {
            Some(reason) => Verdict::Skip(reason),
            None => self.kept(&notes),
        }
    }

    fn kept(&self, notes: &[String]) -> Verdict {
        let note = Some(notes.join("; ")).filter(|note| !note.is_empty());
        match self.rule.keyword {
            Keyword::Must | Keyword::Should => Verdict::Pass(note),
            Keyword::May | Keyword::Info => Verdict::Info(note.unwrap_or_else(|| "kept".into())),
        }
    }

    fn broken(&self, failure: Box<Failure>) -> Verdict {
        match self.rule.keyword {
            Keyword::Must => Verdict::Fail(failure),
            Keyword::Should => Verdict::Weak(failure),
            Keyword::May | Keyword::Info => Verdict::Differs(failure),
        }
    }

    fn converse(&self, conversation: &Conversation) -> Result<Option<String>, Trouble> {
        let target = self.start(&conversation.flags)?;
        let mut stage = self.stage(target, &conversation.flags, conversation.relay());
        let outcome = play(conversation, &mut stage).map(|()| Finding::Kept);
        self.outcome(outcome, stage)
    }

    fn examine(&self, case: &Case) -> Result<Option<String>, Trouble> {
        let flags: Vec<String> = match self.subject.origin() {
            Origin::Ours => case.flags.iter().copied().map(String::from).collect(),
            Origin::Foreign => Vec::new(),
        };
        let target = self.start(&flags)?;
        match (case.needs, target.medium()) {
            (Needs::Sockets | Needs::Process, Medium::Memory) => {
                return Err(Trouble::Skipped("only a server behind sockets can show it".into()));
            }
            (Needs::Process, Medium::Shared) => {
                let reason = "only a server that the suite has started can show it";
                return Err(Trouble::Skipped(reason.into()));
            }
            _ => {}
        }
        let mut stage = self.stage(target, &flags, Relay::Others);
        let outcome = (case.run)(&mut stage);
        self.outcome(outcome, stage)
    }

    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, Trouble> {
        self.subject.start(flags).map_err(|error| match error {
            NotStarted::Inapplicable(reason) => Trouble::Skipped(reason.into()),
            NotStarted::Failed(reason) => Trouble::Unknown(reason),
        })
    }

    fn stage(&self, target: Box<dyn Target>, flags: &[String], relay: Relay) -> Stage {
        let Plan { seed, slack, level: asked } = self.plan;
        let declared = self.subject.declared(flags);
        let level = self.rule.level;
        Stage::new(target, Conditions { seed, slack, level, asked, relay, declared })
    }

    fn outcome(
        &self,
        outcome: Result<Finding, Fault>,
        mut stage: Stage,
    ) -> Result<Option<String>, Trouble> {
        stage.see_off();
        match outcome {
            Ok(Finding::Noted(note)) => Ok(Some(note)),
            Ok(Finding::Kept) if stage.was_paced() => Ok(Some("cuts were paced, not seen".into())),
            Ok(Finding::Kept) => Ok(None),
            Err(Fault::Inapplicable(reason)) => Err(Trouble::Skipped(reason)),
            Err(Fault::Undeclared(_)) => Err(Trouble::Undeclared),
            Err(Fault::Harness(reason)) => Err(Trouble::Unknown(reason)),
            Err(fault) => {
                let rerun = self.subject.rerun(&self.rule.id, self.plan.seed);
                Err(Trouble::Failed(Box::new(Failure {
                    id: self.rule.id.clone(),
                    sentence: self.rule.sentence.clone(),
                    fault,
                    journal: stage.journal().last_lines(),
                    log: stage.target().log(),
                    seed: self.plan.seed,
                    rerun,
                })))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases::cases;
    use crate::causes::likely_cause;
    use crate::spec::rules;

    #[test]
    fn every_rule_of_level_0_is_tested() {
        let untested: Vec<String> = rules()
            .into_iter()
            .filter(|rule| rule.level == 0 && !is_tested(rule))
            .map(|rule| rule.id)
            .collect();
        assert_eq!(Vec::<String>::new(), untested);
    }

    #[test]
    fn every_case_tests_a_rule_and_none_twice() {
        let rules = rules();
        for (index, case) in cases().enumerate() {
            assert!(rules.iter().any(|rule| rule.id == case.id), "{} is no rule", case.id);
            assert!(cases().take(index).all(|other| other.id != case.id), "{}", case.id);
        }
    }

    #[test]
    fn every_tested_rule_has_a_likely_cause() {
        for rule in rules().iter().filter(|rule| is_tested(rule)) {
            assert!(likely_cause(&rule.id).is_some(), "{} has no likely cause", rule.id);
        }
    }
}
