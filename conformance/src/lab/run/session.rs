//! Session: everything in its order, from the gate to the last run.

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

/// What is measured, on whom, and how.
pub(crate) struct Session<'a> {
    pub(crate) entrants: &'a [Entrant],
    pub(crate) points: &'a [Point],
    pub(crate) scale: Scale,
    pub(crate) interruption: &'a Interruption,
    pub(crate) progress: &'a Progress,
}

impl Session<'_> {
    /// The gate for everybody, then all points; what is found goes into the record, also if it ends early.
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

    /// The pass that is traced, where S64 was measured and there is time for it.
    fn count_calls(&self, gates: &HashMap<&str, Gate>, record: &mut Record) {
        let point = self.points.iter().find(|point| point.workload.id == "S64");
        let Some(point) = point.filter(|_| self.scale != Scale::Quick) else { return };
        let is_kept = |entrant: &&Entrant| {
            entrant.kind != Kind::Again && obstacle(entrant, point, gates).is_none()
        };
        for entrant in self.entrants.iter().filter(is_kept) {
            if self.interruption.has_come() {
                break;
            }
            match trace(entrant, record.cores.as_ref()) {
                // Its server was ended in the middle of it.
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

    /// Holds everybody to the rules, each program once.
    fn gates<'e>(&'e self, record: &mut Record) -> HashMap<&'e str, Gate> {
        let mut gates = HashMap::new();
        for (entrant, told) in self.entrants.iter().zip(&mut record.entrants) {
            let twin = self.entrants.iter().find(|other| entrant.is_twin_of(other));
            if let Some(twin) = twin {
                told.gate = format!("as {}", twin.name);
                if let Some(gate) = gates.get(&*twin.name).cloned() {
                    gates.insert(&*entrant.name, gate);
                }
                continue;
            }
            if entrant.target.is_none() || self.interruption.has_come() {
                continue;
            }
            self.progress.step(&format!("{}: the rules", entrant.name));
            if let Some(gate) = Gate::check(entrant, self.points, self.interruption) {
                told.gate = gate.told();
                told.is_broken = !gate.is_kept();
                gates.insert(&*entrant.name, gate);
            }
        }
        record.is_interrupted = self.interruption.has_come();
        gates
    }

    /// The places of those who are measured at this point; why others are not goes into the record.
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
            match obstacle.or_else(|| self.beyond(entrant, point, record)) {
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

    /// Why a sweep that has passed the knee of an entrant needs no higher rate.
    fn beyond(&self, entrant: &Entrant, point: &Point, record: &Record) -> Option<String> {
        if self.scale != Scale::Full || !point.id.contains('@') {
            return None;
        }
        let before = self.points.iter().take_while(|other| other.id != point.id);
        let before = before.filter(|other| other.sweep() == point.sweep()).last()?;
        match knee::holds(record, &before.id, &entrant.name) {
            Some(true) => None,
            _ => Some(format!("beyond its knee: {} was too much or void", before.id)),
        }
    }

    fn measure(&self, entrant: &Entrant, point: &Point, repeat: u32, record: &mut Record) {
        let of = record.repeats;
        self.progress.step(&format!("{}: {}, {repeat} of {of}", entrant.name, point.id));
        let outcome = trial::run(entrant, point, self.scale, record.cores.as_ref());
        if self.interruption.has_come() {
            // Its server was ended in the middle of it.
            return;
        }
        let (found, void) = match outcome {
            Ok(found) => (found, None),
            Err(error) => (trial::Found::default(), Some(error.to_string())),
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

/// Why an entrant is not measured at a point: it cannot be, or breaks a rule that counts there.
fn obstacle(entrant: &Entrant, point: &Point, gates: &HashMap<&str, Gate>) -> Option<String> {
    let broken = || gates.get(&*entrant.name).and_then(|gate| gate.obstacle(point));
    entrant.obstacle(point).map(String::from).or_else(broken)
}

/// Steps of the whole: a gate for each program, and every run.
pub(crate) fn steps(entrants: &[Entrant], points: &[Point], repeats: u32) -> u64 {
    let gates = entrants.iter().filter(|entrant| entrant.is_gated()).count();
    gates as u64 + u64::from(repeats) * (entrants.len() * points.len()) as u64
}
