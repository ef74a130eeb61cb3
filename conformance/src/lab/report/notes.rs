//! Notes: what stands around the tables.

use std::iter;

use super::rows::{TIMES_FLOOR, timed};
use crate::lab::plan::workload::Workload;
use crate::lab::result::metric::Metric;
use crate::lab::result::record::{Kind, PointRecord, Record, Run};
use crate::lab::result::standing::{noise_at, standings};
use crate::lab::result::statistics::Summary;

/// What stands above everything.
pub(super) fn head(record: &Record) -> String {
    let mut lines = vec![
        format!(
            "Lab, {}: every delivery checked; medians of {} runs each, in an order drawn from seed {}",
            record.scale, record.repeats, record.seed
        ),
        record.environment.to_string(),
        format!("{}; begun {}", record.environment.details(), record.started),
    ];
    if record.scale == "quick" {
        lines.push("A quick look: NOT FOR QUOTING.".into());
    }
    if record.is_interrupted {
        lines.push(
            "INTERRUPTED: this is what was finished; the last rows may have fewer runs.".into(),
        );
    }
    lines.extend(ceiling(record));
    lines.join("\n")
}

/// What the load could do meanwhile: its best median against a program that only passes bytes on.
fn ceiling(record: &Record) -> Option<String> {
    let floor = record.entrants.iter().find(|entrant| entrant.kind == Kind::Floor)?;
    let rates = record.points.iter().filter_map(|point| {
        Some((point, Summary::of(&record.values(&point.id, &floor.name, "deliveries"))?.median))
    });
    let (point, rate) = rates.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let rate = rate / 1e6;
    Some(format!(
        "Ceiling: against the floor, the load moved {rate:.2} M deliveries/s ({})",
        point.id
    ))
}

/// What has to be known of one workload's rows.
pub(super) fn of_workload(record: &Record, workload: &Workload) -> Vec<String> {
    let points = record.points.iter().filter(|point| point.workload == workload.id);
    points.flat_map(|point| of_point(record, point, workload)).collect()
}

fn of_point(record: &Record, point: &PointRecord, workload: &Workload) -> Vec<String> {
    let key = workload.columns[0];
    let mut notes = Vec::new();
    let standings = standings(record, point, key);
    for key in iter::once(key).chain(timed(record, workload)).filter(|_| !standings.is_empty()) {
        let title = Metric::of(key).title;
        notes.push(match noise_at(record, &point.id, key) {
            Some(noise) => format!(
                "{}: noise {:.0} % in {title}: identical servers lay so far apart",
                point.id,
                100.0 * noise,
            ),
            None => {
                format!("{}: no ranks in {title}: no server was measured twice here", point.id)
            }
        });
    }
    for standing in &standings {
        let name = &standing.entrant.name;
        notes
            .extend(standing.void.as_ref().map(|reason| format!("{}: {name}: {reason}", point.id)));
        let runs: Vec<&Run> = record.all_runs_of(&point.id, name).collect();
        let bound = runs.iter().find_map(|run| run.client_bound.as_ref());
        let bound = bound.filter(|_| standing.is_client_bound);
        notes.extend(bound.map(|why| format!("{}: {name}: o, client-bound: {why}", point.id)));
        let unsteady = runs.iter().filter(|run| run.is_unsteady).count();
        if unsteady > 0 {
            notes.push(format!("{}: {name}: unsteady in {unsteady} of {}", point.id, runs.len()));
        }
    }
    notes
}

/// Who was not measured where, and why, the same reasons together.
pub(super) fn left_out(record: &Record) -> Option<String> {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for left in &record.left_out {
        let what = match (left.entrant.as_deref(), &left.point) {
            (Some(who), _) => format!("{who}: {}", left.reason),
            (None, Some(_)) => format!("everybody: {}", left.reason),
            (None, None) => left.reason.clone(),
        };
        let point = left.point.as_deref();
        match told.iter_mut().find(|(other, _)| *other == what) {
            Some((_, points)) => points.extend(point),
            None => told.push((what, point.into_iter().collect())),
        }
    }
    let lines = told.iter().map(|(what, points)| match &points[..] {
        [] => format!("  {what}"),
        points => format!("  {} – {what}", points.join(", ")),
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| format!("Left out:\n{}", lines.join("\n")))
}

/// How to read it, and how to do it again.
pub(super) fn foot(record: &Record) -> String {
    let mut lines = vec![
        "o: the load and not the server was the limit, never ranked. tie: no further apart than the \
         noise. All runs are in lab.json (--out)."
            .to_owned(),
    ];
    let has_floor = record.entrants.iter().any(|entrant| entrant.kind == Kind::Floor);
    lines.extend(has_floor.then(|| {
        format!(
            "{TIMES_FLOOR}: the figure before it, divided by the floor's of the same repeat; the median of these. \
             Of two floors, it is the one that answers faster."
        )
    }));
    let shared = record.environment.cores;
    lines.push(match &record.cores {
        Some(cores) => format!(
            "Cores apart: {cores}. The time rank is by the time or rate that a note under its table names."
        ),
        None => format!(
            "Shared cores: load and servers share {shared}; CPU time and memory are ranked, never times or \
             rates."
        ),
    });
    let is_measured = |point: &&PointRecord| record.runs.iter().any(|run| run.point == point.id);
    let measured = record.points.iter().filter(is_measured);
    lines.extend(measured.map(|point| format!("  {}: {}", point.id, point.command)));
    lines.push(format!("Again: {}", record.command));
    lines.join("\n")
}
