//! List: prints workloads, points and the estimated time.

use std::time::Duration;

use super::entrant::Entrant;
use super::trial::{SINGLE, durations};
use crate::lab::layout::wrapped;
use crate::lab::plan::args::LabArgs;
use crate::lab::plan::point::{Load, Point};
use crate::lab::plan::scale::Scale;
use crate::lab::plan::workload::WORKLOADS;
use crate::lab::result::statistics::float;

/// The workloads with their points, and the estimated time of all entrants at all points.
pub(crate) fn render(args: &LabArgs, points: &[Point], entrants: &[Entrant]) -> String {
    let mut lines = Vec::new();
    for workload in WORKLOADS {
        let ids = points.iter().filter(|point| point.workload == workload).map(|point| &*point.id);
        let ids: Vec<&str> = ids.collect();
        if !ids.is_empty() {
            lines.push(wrapped(&format!("{}: {}", workload.id, workload.title), INDENT));
            let mut add = |what: &str, how: &str| {
                lines.push(wrapped(&format!("{:INDENT$}{what}: {how}", ""), INDENT + 2));
            };
            add("isolates", workload.isolates);
            add("points", &ids.join(", "));
            if !workload.relies_on.is_empty() {
                add("relies on rules", &workload.relies_on.join(", "));
            }
        }
    }
    let repeat = |entrant: &Entrant| -> f64 {
        let points = points.iter().filter(|point| entrant.obstacle(point).is_none());
        points.map(|point| seconds(point, args.scale())).sum()
    };
    let each: f64 = entrants.iter().map(repeat).sum();
    let rules: f64 =
        entrants.iter().filter(|entrant| entrant.is_gated()).map(|_| SECONDS_PER_GATE).sum();
    let all = rules + each * f64::from(args.repeats());
    lines.push(String::new());
    lines.push(format!(
        "{} points, {} entrants, {} times each: about {}",
        points.len(),
        entrants.len(),
        args.repeats(),
        humantime::format_duration(Duration::from_secs_f64(all.ceil()))
    ));
    lines.join("\n")
}

/// The estimated seconds of one run: starting, joining, making members streaming, warm-up and measured time.
fn seconds(point: &Point, scale: Scale) -> f64 {
    let (slice, _) = scale.warm_up();
    let measured = match point.load {
        Load::Idle { .. } | Load::Storm { .. } => Duration::ZERO,
        Load::Single { .. } => SINGLE.lasting + 2 * durations(SINGLE.rate, scale).0,
        Load::Paced { rate, .. } => {
            let (slice, counted) = durations(rate, scale);
            counted + 2 * slice
        }
        _ => scale.measured() + 2 * slice,
    };
    let members = float(point.load.connections() as u64);
    let proving = match point.load {
        Load::FanOut { .. } | Load::Paced { .. } => {
            let (few, more) = (members.min(FEW), (members - FEW).max(0.0));
            few * SECONDS_TO_STREAM + more * SECONDS_TO_STREAM_BEYOND
        }
        _ => 0.0,
    };
    SECONDS_PER_START + members * SECONDS_PER_JOIN + proving + measured.as_secs_f64()
}

const INDENT: usize = 2;
const SECONDS_PER_GATE: f64 = 4.0;
/// To start and end a server.
const SECONDS_PER_START: f64 = 0.02;
/// For each member to join and to leave, in batches.
const SECONDS_PER_JOIN: f64 = 0.000_1;
/// Until a member is streaming: for each of the first [`FEW`], and for each one beyond, as measured with 1000 and
/// with 9000.
const SECONDS_TO_STREAM: f64 = 0.000_25;
const SECONDS_TO_STREAM_BEYOND: f64 = 0.001;
const FEW: f64 = 1000.0;
