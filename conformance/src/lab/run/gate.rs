//! Gate: checks an entrant against the rules before it is measured; without them it gets no figure.

use super::entrant::Entrant;
use crate::lab::plan::point::Point;
use crate::spec::{Rule, rules};
use crate::suite::{Plan, Verdict, is_tested, run_row};
use crate::support::interrupt::Interruption;

/// The rules that an entrant broke, among those that it was checked against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gate {
    /// Their ids and verdicts.
    broken: Vec<(String, &'static str)>,
}

/// The rules of level 1 that every workload relies on: segment boundaries have no meaning (SEG-01), a client that
/// stops in mid-frame delays no other (SEG-05), no sender starves another (ORD-05), and with many senders and
/// many listeners no message is lost or duplicated (RLY-09). With all of level 0 they take under three seconds.
const SMOKE: [&str; 4] = ["SEG-01", "SEG-05", "ORD-05", "RLY-09"];

impl Gate {
    /// Checks the rules that these points rely on, with a new server for each test. `None` if it was interrupted, or
    /// if the entrant is no chat server.
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

    /// Why the entrant gets no figures at this point: the broken rules that the point relies on.
    pub(crate) fn obstacle(&self, point: &Point) -> Option<String> {
        let all = rules();
        let smoke: Vec<&str> =
            all.iter().filter(|rule| is_smoke(rule)).map(|rule| &*rule.id).collect();
        let is_obstacle = |id: &str| smoke.contains(&id) || point.workload.relies_on.contains(&id);
        let broken = self.broken.iter().filter(|(id, _)| is_obstacle(id));
        let rules: Vec<String> = broken.map(|(id, word)| format!("{id} {word}")).collect();
        (!rules.is_empty()).then(|| rules.join(", "))
    }

    /// Whether all rules are kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.broken.is_empty()
    }

    /// The result in a few words.
    pub(crate) fn summary(&self) -> String {
        if self.is_kept() {
            return "kept".into();
        }
        let rules: Vec<String> =
            self.broken.iter().map(|(id, word)| format!("{id} {word}")).collect();
        rules.join(", ")
    }
}

fn is_smoke(rule: &Rule) -> bool {
    rule.level == 0 || SMOKE.contains(&&*rule.id)
}

fn relies(points: &[Point], rule: &Rule) -> bool {
    points.iter().any(|point| point.workload.relies_on.contains(&&*rule.id))
}

/// The seed is fixed, so that two runs of the lab make the same checks.
const PLAN: Plan = Plan { seed: 0, slack: 1.0, level: 0 };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::plan::scale::Scale;

    #[test]
    fn a_broken_rule_is_an_obstacle_where_a_workload_relies_on_it() {
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
    fn the_rules_for_all_servers_are_tested_ones() {
        let rules = rules();
        for id in SMOKE {
            assert!(rules.iter().any(|rule| rule.id == id && is_tested(rule)), "{id}");
        }
    }
}
