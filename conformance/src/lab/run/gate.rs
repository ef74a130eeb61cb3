//! Gate: no figure without the rules it rests on, kept by the same program in the same run.

use super::entrant::Entrant;
use crate::lab::plan::point::Point;
use crate::spec::{Rule, rules};
use crate::suite::{Plan, Verdict, is_tested, run_row};
use crate::support::interrupt::Interruption;

/// The rules that one entrant does not keep, of those that it was held to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    /// Ids with the word of their verdict.
    broken: Vec<(String, &'static str)>,
}

/// The rules of level 1 that a server of any workload has to keep, because every load leans on them: that
/// cuts in the stream mean nothing (SEG-01), that one who stops in the middle of a frame holds nobody up
/// (SEG-05), that no sender starves another (ORD-05), and that among many to many nothing is lost or comes
/// twice (RLY-09). With all of level 0 they take under three seconds.
const SMOKE: [&str; 4] = ["SEG-01", "SEG-05", "ORD-05", "RLY-09"];

impl Gate {
    /// Runs the rules that these points rest on, a fresh server for each test; `None` if it was interrupted, or
    /// if the entrant speaks no chat and so has no rules to keep.
    pub(crate) fn check(
        entrant: &Entrant,
        points: &[Point],
        interruption: &Interruption,
    ) -> Option<Self> {
        let target = entrant.target.as_deref()?;
        let rules = rules();
        let is_needed = |rule: &&Rule| is_tested(rule) && (is_smoke(rule) || relies(points, rule));
        let mut gate = Self::default();
        for rule in rules.iter().filter(is_needed) {
            let row = run_row(rule, target, PLAN);
            if interruption.has_come() {
                return None;
            }
            if matches!(row.verdict, Verdict::Fail(_) | Verdict::Inconclusive(_)) {
                gate.broken.push((rule.id.clone(), row.verdict.word()));
            }
        }
        Some(gate)
    }

    /// What stands in the way of figures at this point: the broken rules that it rests on.
    pub(crate) fn obstacle(&self, point: &Point) -> Option<String> {
        let rules = rules();
        let smoke: Vec<&str> =
            rules.iter().filter(|rule| is_smoke(rule)).map(|rule| &*rule.id).collect();
        let is_in_the_way =
            |id: &str| smoke.contains(&id) || point.workload.relies_on.contains(&id);
        let broken = self.broken.iter().filter(|(id, _)| is_in_the_way(id));
        let told: Vec<String> = broken.map(|(id, word)| format!("{id} {word}")).collect();
        (!told.is_empty()).then(|| told.join(", "))
    }

    /// Whether all rules are kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.broken.is_empty()
    }

    /// All of it in a few words.
    pub(crate) fn told(&self) -> String {
        if self.is_kept() {
            return "kept".into();
        }
        let told: Vec<String> =
            self.broken.iter().map(|(id, word)| format!("{id} {word}")).collect();
        told.join(", ")
    }
}

fn is_smoke(rule: &Rule) -> bool {
    rule.level == 0 || SMOKE.contains(&&*rule.id)
}

fn relies(points: &[Point], rule: &Rule) -> bool {
    points.iter().any(|point| point.workload.relies_on.contains(&&*rule.id))
}

/// Any seed would do; the same one makes two runs of the lab comparable.
const PLAN: Plan = Plan { seed: 0, slack: 1.0, level: 0 };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::plan::scale::Scale;

    #[test]
    fn a_broken_rule_stands_in_the_way_of_what_rests_on_it() {
        let points = Scale::Quick.points();
        let at = |workload: &str| {
            points.iter().find(|point| point.workload.id == workload).expect("it is a workload")
        };
        let broken = |id: &str| Gate { broken: vec![(id.into(), "FAIL")] };
        assert_eq!(Some("RLY-03 FAIL".into()), broken("RLY-03").obstacle(at("S64")));
        assert_eq!(Some("RLY-09 FAIL".into()), broken("RLY-09").obstacle(at("S64")));
        assert_eq!(Some("BPR-01 FAIL".into()), broken("BPR-01").obstacle(at("W6")));
        assert_eq!(None, broken("BPR-01").obstacle(at("W2")));
        assert_eq!(None, Gate::default().obstacle(at("W6")));
    }

    #[test]
    fn the_rules_that_everybody_has_to_keep_are_tested_ones() {
        let rules = rules();
        for id in SMOKE {
            assert!(rules.iter().any(|rule| rule.id == id && is_tested(rule)), "{id}");
        }
    }
}
