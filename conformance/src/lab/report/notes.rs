//! Notes: the texts above and below the tables.

use super::rows::{TIMES_FLOOR, noise};
use crate::lab::layout::{Form, wrapped, wrapped_command};
use crate::lab::plan::workload::Workload;
use crate::lab::result::record::{Kind, PointRecord, Record, Run};
use crate::lab::result::standing::standings;
use crate::lab::result::statistics::Summary;

/// The lines above all tables.
pub(super) fn head(record: &Record, form: Form) -> String {
    let mut lines = vec![
        format!(
            "Lab, {}: every delivery checked; medians of {} runs, in an order drawn from seed {}",
            record.scale, record.repeats, record.seed
        ),
        format!("{}; started {}", record.environment, record.started),
    ];
    if form == Form::Wide {
        lines.push(record.environment.details());
    }
    if record.scale == "quick" {
        lines.push("A quick run: NOT FOR QUOTING.".into());
    }
    if record.is_interrupted {
        lines.push("INTERRUPTED: only finished runs; the last rows may have fewer of them.".into());
    }
    lines.extend(ceiling(record));
    lines.iter().map(|line| wrapped(line, 2)).collect::<Vec<_>>().join("\n")
}

/// What the load could achieve: its highest median rate against the floor.
fn ceiling(record: &Record) -> Option<String> {
    let floor = record.entrants.iter().find(|entrant| entrant.kind == Kind::Floor)?;
    let rates = record.points.iter().filter_map(|point| {
        Some((point, Summary::of(&record.values(&point.id, &floor.name, "deliveries"))?.median))
    });
    let (point, rate) = rates.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let rate = rate / 1e6;
    Some(format!(
        "Ceiling: with the floor, the load reached {rate:.2} M deliveries/s ({})",
        point.id
    ))
}

/// The lines below the table of a workload.
pub(super) fn of_workload(record: &Record, workload: &Workload, form: Form) -> Vec<String> {
    let points = record.points.iter().filter(|point| point.workload == workload.id);
    let notes = points.flat_map(|point| of_point(record, point, workload, form));
    notes.map(|note| wrapped(&note, 2)).collect()
}

fn of_point(record: &Record, point: &PointRecord, workload: &Workload, form: Form) -> Vec<String> {
    let standings = standings(record, point, workload.columns[0]);
    let mut notes = Vec::new();
    if form == Form::Wide && !standings.is_empty() {
        notes.push(noise(record, point, workload));
    }
    for standing in &standings {
        let name = &standing.entrant.name;
        notes.extend(
            standing.void.as_ref().map(|reason| format!("{}: {name}: void: {reason}", point.id)),
        );
        let runs: Vec<&Run> = record.all_runs_of(&point.id, name).collect();
        let bound = runs.iter().find_map(|run| run.client_bound.as_ref());
        let bound = bound.filter(|_| standing.is_client_bound);
        notes.extend(bound.map(|why| format!("{}: {name}: o, client-bound: {why}", point.id)));
        let unsteady = runs.iter().filter(|run| run.is_unsteady).count();
        if unsteady > 0 {
            let all = runs.len();
            notes.push(format!("{}: {name}: unsteady in {unsteady} of {all} runs", point.id));
        }
    }
    notes
}

/// The measurements that were not made, and why; those with the same reason on one line.
pub(super) fn left_out(record: &Record) -> Option<String> {
    let mut reasons: Vec<(String, Vec<&str>)> = Vec::new();
    for left in &record.left_out {
        let reason = match (left.entrant.as_deref(), &left.point) {
            (Some(name), _) => format!("{name}: {}", left.reason),
            (None, Some(_)) => format!("all entrants: {}", left.reason),
            (None, None) => left.reason.clone(),
        };
        let point = left.point.as_deref();
        match reasons.iter_mut().find(|(other, _)| *other == reason) {
            Some((_, points)) => points.extend(point),
            None => reasons.push((reason, point.into_iter().collect())),
        }
    }
    let lines = reasons.iter().map(|(reason, points)| match &points[..] {
        [] => wrapped(&format!("  {reason}"), 4),
        points => wrapped(&format!("  {} – {reason}", points.join(", ")), 4),
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| format!("Left out:\n{}", lines.join("\n")))
}

/// The lines below all tables: how to read them, and how to repeat the run.
pub(super) fn foot(record: &Record, form: Form) -> String {
    let mut lines = vec![
        "(range): the lowest and the highest run. tie: the difference is within the noise. \
         o: client-bound, so not ranked: the load and not the server was the limit."
            .to_owned(),
    ];
    let has_floor = record.entrants.iter().any(|entrant| entrant.kind == Kind::Floor);
    lines.extend(has_floor.then(|| {
        format!(
            "{TIMES_FLOOR}: the figure to its left, divided by the floor's in the same repeat; the \
             median of these quotients. The faster one of two floors counts."
        )
    }));
    lines.push(match &record.cores {
        Some(cores) => format!(
            "Separate cores: {cores}. The time rank is by the time or rate whose noise is given."
        ),
        None => format!(
            "Shared cores: load and servers share {}. CPU time and memory are ranked, times and \
             rates are not.",
            record.environment.cores
        ),
    });
    if form == Form::Narrow {
        lines.push(
            "All columns, and how each entrant works: --wide. All runs: lab.txt and lab.json, \
             with --out."
                .into(),
        );
    }
    let mut lines: Vec<String> = lines.iter().map(|line| wrapped(line, 2)).collect();
    lines.push("Repeat with:".into());
    lines.push(wrapped_command(&record.command, 2));
    if form == Form::Wide {
        lines.push("Repeat one point with:".into());
        let is_measured =
            |point: &&PointRecord| record.runs.iter().any(|run| run.point == point.id);
        let measured = record.points.iter().filter(is_measured);
        lines.extend(measured.map(|point| format!("  {}: {}", point.id, point.command)));
    }
    lines.join("\n")
}
