//! List: what there is to measure, and how long it takes.

use super::args::LabArgs;
use super::point::{Load, Point, Scale};
use super::workload::WORKLOADS;

/// Workloads with their points, and what the whole takes with so many entrants.
pub(super) fn render(args: &LabArgs, points: &[Point], entrants: usize) -> String {
    let mut lines = Vec::new();
    for workload in WORKLOADS {
        let ids = points.iter().filter(|point| point.workload == workload).map(|point| &*point.id);
        let ids: Vec<&str> = ids.collect();
        if !ids.is_empty() {
            lines.push(format!("{:<6} {}", workload.id, workload.title));
            lines.push(format!("       shows {}", workload.isolates));
            lines.push(format!("       points: {}", ids.join(", ")));
            if !workload.relies_on.is_empty() {
                lines.push(format!("       relies on {} besides", workload.relies_on.join(", ")));
            }
        }
    }
    let each: f64 = points.iter().map(|point| seconds(point, args.scale())).sum();
    let all = each * f64::from(args.repeats()) * super::trial::float(entrants as u64);
    lines.push(String::new());
    lines.push(format!(
        "{} points, {entrants} entrants, {} times each: about {:.0} s, and 2 s for the rules of each server",
        points.len(),
        args.repeats(),
        all
    ));
    lines.join("\n")
}

/// About how long one run takes: what is measured, what warms up, and what it takes to join.
fn seconds(point: &Point, scale: Scale) -> f64 {
    let (slice, _) = scale.warm_up();
    let joining = super::trial::float(point.load.connections() as u64) * SECONDS_A_JOIN;
    let measured = match point.load {
        Load::Idle { .. } | Load::Storm { .. } => 0.0,
        _ => (scale.measured() + 2 * slice).as_secs_f64(),
    };
    SECONDS_A_START + joining + measured
}

/// To start a server, and to end it.
const SECONDS_A_START: f64 = 0.02;
/// A batch of them, until all hear; the last word of every one included.
const SECONDS_A_JOIN: f64 = 0.000_1;
