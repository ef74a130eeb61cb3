//! Session: one run of the lab, from the gate to the last trial.

use std::collections::HashMap;

use super::entrant::Entrant;
use super::gate::Gate;
use super::trace::trace;
use super::trial::{self, client_bound};
use crate::lab::plan::point::Point;
use crate::lab::plan::scale::Scale;
use crate::lab::plan::schedule::schedule;
use crate::lab::result::knee;
use crate::lab::result::record::{Kind, LeftOut, Record, Run};
use crate::support::interrupt::Interruption;
use crate::support::progress::Progress;

/// The entrants and points of a run, and how they are measured.
pub(crate) struct Session<'a> {
    pub(crate) entrants: &'a [Entrant],
    pub(crate) points: &'a [Point],
    pub(crate) scale: Scale,
    pub(crate) interruption: &'a Interruption,
    pub(crate) progress: &'a Progress,
}

impl Session<'_> {
    /// Checks all entrants, then measures all points. The record receives every result, also if the run is interrupted.
    pub(crate) fn run(&self, record: &mut Record) {
        let gates = self.gates(record);
        for point in self.points {
            let places = self.admitted(point, &gates, record);
            let repeats = schedule(places.len(), record.repeats, &point.id, record.seed);
            for (order, repeat) in repeats.into_iter().zip(1..) {
                for place in order {
                    let entrant = &self.entrants[places[place]];
                    self.measure(entrant, point, repeat, record);
                    if self.interruption.has_come() {
                        record.is_interrupted = true;
                        return;
                    }
                }
            }
        }
        self.count_calls(&gates, record);
    }

    /// Counts system calls in a separate pass, if S64 was measured and the scale is not quick.
    fn count_calls(&self, gates: &HashMap<&str, Gate>, record: &mut Record) {
        let point = self.points.iter().find(|point| point.workload.id == "S64");
        let Some(point) = point.filter(|_| self.scale != Scale::Quick) else { return };
        let is_kept = |entrant: &&Entrant| {
            entrant.kind != Kind::Control && obstacle(entrant, point, gates).is_none()
        };
        for entrant in self.entrants.iter().filter(is_kept) {
            if self.interruption.has_come() {
                break;
            }
            match trace(entrant, record.cores.as_ref()) {
                // The interrupt ended its server in mid-run.
                _ if self.interruption.has_come() => break,
                Ok(trace) => record.traces.push(trace),
                Err(error) => record.left_out.push(LeftOut {
                    entrant: Some(entrant.name.clone()),
                    point: Some("system calls".into()),
                    reason: error.to_string(),
                }),
            }
        }
        record.is_interrupted = self.interruption.has_come();
    }

    /// Checks all entrants against the rules, each program once.
    fn gates<'e>(&'e self, record: &mut Record) -> HashMap<&'e str, Gate> {
        let mut gates = HashMap::new();
        for (entrant, entry) in self.entrants.iter().zip(&mut record.entrants) {
            let twin = self.entrants.iter().find(|other| entrant.is_twin_of(other));
            if let Some(twin) = twin {
                entry.gate = format!("as {}", twin.name);
                if let Some(gate) = gates.get(&*twin.name).cloned() {
                    gates.insert(&*entrant.name, gate);
                }
                continue;
            }
            if entrant.target.is_none() || self.interruption.has_come() {
                continue;
            }
            self.progress.step(&step(&entrant.name, "checking the rules"));
            if let Some(gate) = Gate::check(entrant, self.points, self.interruption) {
                entry.gate = gate.summary();
                entry.is_broken = !gate.is_kept();
                gates.insert(&*entrant.name, gate);
            }
        }
        record.is_interrupted = self.interruption.has_come();
        gates
    }

    /// The indices of the entrants that are measured at this point. The record receives why others are not.
    fn admitted(
        &self,
        point: &Point,
        gates: &HashMap<&str, Gate>,
        record: &mut Record,
    ) -> Vec<usize> {
        let mut admitted = Vec::new();
        if record.is_interrupted {
            return admitted;
        }
        for (place, entrant) in self.entrants.iter().enumerate() {
            let obstacle = obstacle(entrant, point, gates);
            match obstacle.or_else(|| self.past_knee(entrant, point, record)) {
                Some(reason) => record.left_out.push(LeftOut {
                    entrant: Some(entrant.name.clone()),
                    point: Some(point.id.clone()),
                    reason,
                }),
                None => admitted.push(place),
            }
        }
        let left = u64::from(record.repeats) * (self.entrants.len() - admitted.len()) as u64;
        self.progress.skip(left);
        admitted
    }

    /// Why an entrant is not measured at a rate above its knee; `None` if it has not reached the knee.
    fn past_knee(&self, entrant: &Entrant, point: &Point, record: &Record) -> Option<String> {
        if self.scale != Scale::Full || !point.id.contains('@') {
            return None;
        }
        let before = self.points.iter().take_while(|other| other.id != point.id);
        let before = before.filter(|other| other.sweep() == point.sweep()).last()?;
        match knee::keeps_up(record, &before.id, &entrant.name) {
            Some(true) => None,
            _ => Some(format!("above its knee: at {} it did not keep up", before.id)),
        }
    }

    fn measure(&self, entrant: &Entrant, point: &Point, repeat: u32, record: &mut Record) {
        let of = record.repeats;
        self.progress.step(&step(&entrant.name, &format!("{}, {repeat} of {of}", point.id)));
        let outcome = trial::run(entrant, point, self.scale, record.cores.as_ref());
        if self.interruption.has_come() {
            // The interrupt ended its server in mid-run.
            return;
        }
        let (found, void) = match outcome {
            Ok(found) => (found, None),
            Err(error) => (trial::Measured::default(), Some(error.to_string())),
        };
        record.runs.push(Run {
            point: point.id.clone(),
            entrant: entrant.name.clone(),
            repeat,
            client_bound: client_bound(&found.figures),
            figures: found.figures,
            void,
            is_unsteady: found.is_unsteady,
        });
    }
}

/// Why an entrant is not measured at a point: it cannot be, or broke a rule that the point relies on.
fn obstacle(entrant: &Entrant, point: &Point, gates: &HashMap<&str, Gate>) -> Option<String> {
    let broken = || gates.get(&*entrant.name).and_then(|gate| gate.obstacle(point));
    entrant.obstacle(point).map(String::from).or_else(broken)
}

/// The number of steps: one check for each program, and every run.
pub(crate) fn steps(entrants: &[Entrant], points: &[Point], repeats: u32) -> u64 {
    let gates = entrants.iter().filter(|entrant| entrant.is_gated()).count();
    gates as u64 + u64::from(repeats) * (entrants.len() * points.len()) as u64
}

/// The text of a step, short enough for a line of progress with counts and times. A long name is cut.
fn step(name: &str, what: &str) -> String {
    let room = STEP_MAX.saturating_sub(what.chars().count() + 2);
    if name.chars().count() <= room {
        return format!("{name}: {what}");
    }
    let cut: String = name.chars().take(room.saturating_sub(1)).collect();
    format!("{cut}…: {what}")
}

/// The counts of steps and the times take 36 of 80 columns.
const STEP_MAX: usize = 44;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_fits_its_line() {
        assert_eq!("select: W1, 1 of 5", step("select", "W1, 1 of 5"));
        for what in ["W1, 1 of 5", "S1024/10to100x1KiB, 99 of 99"] {
            let text = step(&"long-name-".repeat(5), what);
            assert_eq!(STEP_MAX, text.chars().count(), "{text}");
            assert!(
                text.starts_with("long-name") && text.ends_with(&format!("…: {what}")),
                "{text}"
            );
        }
    }
}
