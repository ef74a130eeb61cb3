//! Lab: who is measured, at what, in which order, and what may be said of it.
//!
//! A `workload` has `point`s; a `session` holds every `entrant` to the rules (`gate`) and then has `trial`s made
//! in the order of a `schedule`. Everything goes into a `record`, which is what is kept as JSON, what the
//! `report` shows, and what `diff` compares.

mod plan;
mod report;
mod result;
mod run;

use std::io::{self, Write as _};
use std::process::ExitCode;

use load::raise_open_files_limit;

use self::plan::again;
pub use self::plan::args::LabArgs;
use self::plan::point::Point;
pub use self::report::diff::{DiffArgs, run as diff};
use self::result::record::{EntrantRecord, FORMAT, Kind, LeftOut, PointRecord, Record};
use self::run::entrant::Entrant;
use self::run::list;
use self::run::session::{Session, steps};
use crate::support::console::{INCONCLUSIVE, TableStyle, USAGE, print_error};
use crate::support::cores::Cores;
use crate::support::environment::Environment;
use crate::support::interrupt::kill_servers_on_signals;
use crate::support::out::Out;
use crate::support::progress::Progress;

/// Runs the lab and prints its report on standard output, its progress on standard error.
///
/// The exit status is 0 if everything was measured, 1 if somebody broke a rule or lost something, 2 if nothing
/// can be measured, 3 if something is asked for that there is not, 130 after an interrupt.
///
/// # Errors
///
/// The report cannot be written.
pub fn run(args: &LabArgs) -> io::Result<ExitCode> {
    let asked = args.points().and_then(|points| args.check_names().map(|()| points));
    let points = match asked {
        Ok(points) => points,
        Err(error) => {
            print_error(format_args!("lab: {error}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    match measure(args, points) {
        Ok(None) => Ok(ExitCode::SUCCESS),
        Ok(Some((record, out))) => tell(&record, out.as_ref()),
        Err(error) => {
            print_error(format_args!("lab: {error}"));
            Ok(ExitCode::from(INCONCLUSIVE))
        }
    }
}

/// Measures all that is asked for; or shows it, if only that is asked for.
fn measure(args: &LabArgs, points: Vec<Point>) -> io::Result<Option<(Record, Option<Out>)>> {
    let (entrants, absent) = Entrant::all(args)?;
    if args.list {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{}", list::render(args, &points, &entrants))?;
        return out.flush().map(|()| None);
    }
    let out = args.out.as_deref().map(Out::prepare).transpose()?;
    let interruption = kill_servers_on_signals()?;
    let (points, too_big) = within_limits(points);
    if let ([], [first, ..]) = (&points[..], &too_big[..]) {
        return Err(io::Error::other(format!("nothing of it can be measured: {}", first.reason)));
    }
    let mut record = begin(args, &entrants, &points);
    let reasons = absent.into_iter().map(|reason| LeftOut { entrant: None, point: None, reason });
    record.left_out.extend(reasons.chain(too_big));
    let progress = Progress::new(steps(&entrants, &points, record.repeats));
    let session = Session {
        entrants: &entrants,
        points: &points,
        scale: args.scale(),
        interruption: &interruption,
        progress: &progress,
    };
    session.run(&mut record);
    progress.finish();
    Ok(Some((record, out)))
}

/// The points for which the system allows enough open files, and which it does not.
fn within_limits(points: Vec<Point>) -> (Vec<Point>, Vec<LeftOut>) {
    let (mut fitting, mut too_big) = (Vec::new(), Vec::new());
    for point in points {
        match raise_open_files_limit(point.load.connections()) {
            Ok(()) => fitting.push(point),
            Err(error) => {
                let (point, reason) = (Some(point.id), error.to_string());
                too_big.push(LeftOut { entrant: None, point, reason });
            }
        }
    }
    (fitting, too_big)
}

fn begin(args: &LabArgs, entrants: &[Entrant], points: &[Point]) -> Record {
    let seed = args.seed.unwrap_or_else(again::drawn_seed);
    let entrants = entrants.iter().map(|entrant| EntrantRecord {
        name: entrant.name.clone(),
        kind: entrant.kind,
        gate: match entrant.kind {
            Kind::Floor | Kind::Peer => "no gate: not a chat server".into(),
            _ => "not tried".into(),
        },
        is_broken: false,
        manifest: entrant.manifest.clone(),
    });
    let again = |point: &Point| PointRecord {
        id: point.id.clone(),
        workload: point.workload.id.into(),
        again: again::command(args, seed, Some(point)),
    };
    Record {
        format: FORMAT,
        started: again::now(),
        command: again::command(args, seed, None),
        seed,
        scale: args.scale().name().into(),
        repeats: args.repeats(),
        is_interrupted: false,
        environment: Environment::read(),
        cores: Cores::separate(),
        entrants: entrants.collect(),
        points: points.iter().map(again).collect(),
        left_out: Vec::new(),
        runs: Vec::new(),
        traces: Vec::new(),
    }
}

fn tell(record: &Record, out: Option<&Out>) -> io::Result<ExitCode> {
    if let Some(out) = out {
        keep(out, record)?;
    }
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{}", report::render(record, TableStyle::of_output()))?;
    stdout.flush()?;
    let is_void = record.runs.iter().any(|run| run.void.is_some());
    let is_broken = record.entrants.iter().any(|entrant| entrant.is_broken);
    Ok(match (record.is_interrupted, is_void || is_broken) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (_, true) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// Writes `lab.json` and `lab.txt`.
fn keep(out: &Out, record: &Record) -> io::Result<()> {
    out.write("lab.json", &(record.to_json() + "\n"))?;
    let text = report::render(record, TableStyle::Plain);
    let runs = report::all_runs(record);
    out.write("lab.txt", &format!("{text}\n\n{runs}\n"))
}

/// What a shell says of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;
