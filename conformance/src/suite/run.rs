//! Run: runs every test of a rule against one target, and gives one verdict.

mod client;

use std::time::{Duration, Instant};

pub use self::client::run_client_row;
use super::cases::{Case, Finding, Needs, case, client_case};
use super::error::TestError;
use super::failure::Failure;
use super::fixture::{Conditions, Fixture};
use super::play::play;
use crate::spec::{Conversation, Keyword, Mode, Party, Relay, Rule, Scope};
use crate::target::{Instance, Medium, NotStarted, Origin, Target};

/// The parameters of a run of the suite.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The seed of every random choice.
    pub seed: u64,
    /// A factor that multiplies every deadline.
    pub slack: f64,
    /// The highest level that was requested. Some rules require more at a higher level.
    pub level: u8,
}

/// The result of one rule.
#[derive(Debug)]
pub struct Row<'a> {
    /// The rule.
    pub rule: &'a Rule,
    /// Whether the target keeps it.
    pub verdict: Verdict,
    /// How long its tests took.
    pub elapsed: Duration,
}

/// Whether a target keeps a rule.
#[derive(Debug)]
pub enum Verdict {
    /// It does, with a remark if there is one.
    Pass(Option<String>),
    /// It breaks a MUST.
    Fail(Box<Failure>),
    /// It does not meet a SHOULD.
    Weak(Box<Failure>),
    /// The rule leaves the behaviour open, and this is what the server does.
    Info(String),
    /// The rule leaves the behaviour open, and the server differs from the rule's conversation.
    Differs(Box<Failure>),
    /// The server does not declare what the rule is about. The text names what it would have to
    /// declare.
    Unsupported(String),
    /// The test does not apply to this target.
    Skip(String),
    /// The suite or the machine is at fault, and nothing is known about the server.
    Inconclusive(String),
}

impl Verdict {
    /// The word for it in reports.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Pass(_) => "PASS",
            Self::Fail(_) => "FAIL",
            Self::Weak(_) => "WEAK",
            Self::Info(_) | Self::Differs(_) => "INFO",
            Self::Unsupported(_) => "UNSUPPORTED",
            Self::Skip(_) => "SKIP",
            Self::Inconclusive(_) => "INCONCLUSIVE",
        }
    }

    fn kept(keyword: Keyword, notes: &[String]) -> Self {
        let note = Some(notes.join("; ")).filter(|note| !note.is_empty());
        match keyword {
            Keyword::Must | Keyword::Should => Self::Pass(note),
            Keyword::May | Keyword::Info => Self::Info(note.unwrap_or_else(|| "kept".into())),
        }
    }

    fn broken(keyword: Keyword, failure: Box<Failure>) -> Self {
        match keyword {
            Keyword::Must => Self::Fail(failure),
            Keyword::Should => Self::Weak(failure),
            Keyword::May | Keyword::Info => Self::Differs(failure),
        }
    }
}

/// Runs every test of a rule, each against a fresh server.
pub fn run_row<'a>(rule: &'a Rule, target: &dyn Target, plan: Plan) -> Row<'a> {
    let start = Instant::now();
    let verdict = Tests { rule, target, plan }.verdict();
    Row { rule, verdict, elapsed: start.elapsed() }
}

/// Whether the suite has any test of a rule.
pub fn is_tested(rule: &Rule) -> bool {
    let has_case = match rule.party() {
        Party::Server => case(&rule.id).is_some(),
        Party::Client => client_case(&rule.id).is_some(),
    };
    has_case || !rule.conversations.is_empty()
}

/// The tests of one rule against one target.
struct Tests<'a> {
    rule: &'a Rule,
    target: &'a dyn Target,
    plan: Plan,
}

/// Why a test did not show that the rule is kept.
enum NotKept {
    Failed(Box<Failure>),
    Skipped(String),
    Undeclared(String),
    Inconclusive(String),
}

impl Tests<'_> {
    fn verdict(&self) -> Verdict {
        let conversations = self.rule.conversations.iter().map(|c| self.run_conversation(c));
        let outcomes = conversations.chain(case(&self.rule.id).map(|case| self.run_case(case)));
        let mut notes = Vec::new();
        let mut left_out = Verdict::Skip(match self.rule.party() {
            Party::Server => "there is no test of it yet".to_owned(),
            Party::Client => "it is about clients: see check --client".to_owned(),
        });
        let mut kept = false;
        for outcome in outcomes {
            match outcome {
                Ok(finding) => {
                    kept = true;
                    notes.extend(finding);
                }
                Err(NotKept::Skipped(reason)) => left_out = Verdict::Skip(reason),
                Err(NotKept::Undeclared(what)) => left_out = Verdict::Unsupported(what),
                Err(NotKept::Failed(failure)) => {
                    return Verdict::broken(self.rule.keyword, failure);
                }
                Err(NotKept::Inconclusive(reason)) => return Verdict::Inconclusive(reason),
            }
        }
        if kept { Verdict::kept(self.rule.keyword, &notes) } else { left_out }
    }

    fn run_conversation(&self, conversation: &Conversation) -> Result<Option<String>, NotKept> {
        self.require(&conversation.flags)?;
        let server = self.start(&conversation.flags)?;
        let mut fixture = self.fixture(server, &conversation.flags, conversation.relay());
        let outcome = play(conversation, &mut fixture).map(|()| Finding::Kept);
        self.outcome(outcome, fixture)
    }

    fn run_case(&self, case: &Case) -> Result<Option<String>, NotKept> {
        let mut flags: Vec<String> = case.flags.iter().copied().map(String::from).collect();
        match self.rule.scope {
            Scope::IfDeclared => self.require(&flags)?,
            // The flags only shorten the test. Without them the server is checked against the
            // limits that it declares.
            Scope::All if !self.target.takes(&flags) => flags.clear(),
            Scope::All => {}
        }
        let server = self.start(&flags)?;
        match (case.needs, server.medium()) {
            (Needs::Sockets | Needs::Process, Medium::Memory) => {
                return Err(NotKept::Skipped(
                    "it needs a server that is reached over sockets".into(),
                ));
            }
            (Needs::Process, Medium::Shared) => {
                let reason = "it needs a server that the suite itself starts";
                return Err(NotKept::Skipped(reason.into()));
            }
            _ => {}
        }
        let mut fixture = self.fixture(server, &flags, Relay::Others);
        let outcome = (case.run)(&mut fixture);
        self.outcome(outcome, fixture)
    }

    /// Checks that the target has words for these flags; a server that is not ours may lack them. A
    /// rule about a declared extension that is off (no flags) applies only if the server can switch
    /// it on.
    fn require(&self, flags: &[String]) -> Result<(), NotKept> {
        let off = self.rule.scope == Scope::IfDeclared && flags.is_empty();
        let extensions = [EXTENSIONS.to_owned()];
        let needed = if off { &extensions } else { flags };
        if self.target.origin() == Origin::Ours || self.target.takes(needed) {
            return Ok(());
        }
        Err(NotKept::Undeclared(format!("it declares no words for {}", needed.join(" "))))
    }

    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotKept> {
        self.target.start(flags).map_err(|error| match error {
            NotStarted::Inapplicable(reason) => NotKept::Skipped(reason.into()),
            NotStarted::Failed(reason) => NotKept::Inconclusive(reason),
        })
    }

    fn fixture(&self, server: Box<dyn Instance>, flags: &[String], relay: Relay) -> Fixture {
        let Plan { seed, slack, level: asked } = self.plan;
        let (level, mode) = (self.rule.level, Mode::of(flags));
        let declared = self.target.declared(flags);
        Fixture::new(server, Conditions { seed, slack, level, asked, relay, mode, declared })
    }

    fn outcome(
        &self,
        outcome: Result<Finding, TestError>,
        mut fixture: Fixture,
    ) -> Result<Option<String>, NotKept> {
        fixture.drain();
        match outcome {
            Ok(Finding::Noted(note)) => Ok(Some(note)),
            Ok(Finding::Kept) if fixture.has_assumed_reads() => {
                Ok(Some("whether the server read each piece by itself could not be seen".into()))
            }
            Ok(Finding::Kept) => Ok(None),
            Err(TestError::Inapplicable(reason)) => Err(NotKept::Skipped(reason)),
            Err(error @ TestError::Undeclared(_)) => Err(NotKept::Undeclared(error.to_string())),
            Err(TestError::Inconclusive(reason)) => Err(NotKept::Inconclusive(reason)),
            Err(error) => {
                let rerun = self.target.rerun(&self.rule.id, self.plan.seed);
                Err(NotKept::Failed(Box::new(Failure {
                    id: self.rule.id.clone(),
                    sentence: self.rule.sentence.clone(),
                    error,
                    transcript: fixture.transcript().last_lines(),
                    log: fixture.server().log(),
                    seed: self.plan.seed,
                    rerun,
                })))
            }
        }
    }
}

/// The flag that switches a server's extensions on.
const EXTENSIONS: &str = "--extensions";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::rules;
    use crate::suite::cases::{cases, client_cases};
    use crate::suite::causes::likely_cause;

    #[test]
    fn every_rule_is_tested() {
        let untested: Vec<String> =
            rules().into_iter().filter(|rule| !is_tested(rule)).map(|rule| rule.id).collect();
        assert_eq!(Vec::<String>::new(), untested);
    }

    #[test]
    fn every_case_tests_a_rule_and_none_twice() {
        let of_servers = cases().map(|case| (case.id, Party::Server));
        let of_clients = client_cases().map(|case| (case.id, Party::Client));
        let all: Vec<_> = of_servers.chain(of_clients).collect();
        let rules: Vec<_> =
            rules().into_iter().map(|rule| (rule.id.clone(), rule.party())).collect();
        for (index, &(id, party)) in all.iter().enumerate() {
            assert!(rules.contains(&(id.into(), party)), "{id} is no rule of a {party:?}");
            assert!(all[..index].iter().all(|(other, _)| *other != id), "{id}");
        }
    }

    #[test]
    fn every_tested_rule_has_a_likely_cause() {
        for rule in rules().iter().filter(|rule| is_tested(rule)) {
            assert!(likely_cause(&rule.id).is_some(), "{} has no likely cause", rule.id);
        }
    }
}
