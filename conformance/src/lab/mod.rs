//! Lab: measures servers under fixed workloads, and reports how they compare.
//!
//! `plan` turns the command line into workloads, points and an order. `run` checks each entrant against the rules
//! (`gate`) and makes the trials. `result` holds the figures, ranks and noise. `report` renders them.
//! A `Record` holds one whole run: it is written as JSON, rendered by `report` and compared by `diff`.

mod layout;
mod plan;
mod report;
mod result;
mod run;

use std::io::{self, Write as _};
use std::process::ExitCode;

use load::raise_open_files_limit;

use self::layout::Form;
pub use self::plan::args::LabArgs;
use self::plan::command;
use self::plan::point::Point;
pub use self::report::diff::{DiffArgs, run as diff};
use self::result::record::{EntrantRecord, FORMAT, Kind, LeftOut, PointRecord, Record};
use self::run::entrant::Entrant;
use self::run::list;
use self::run::session::{Session, steps};
use crate::support::console::{INCONCLUSIVE, USAGE, print_error};
use crate::support::cores::Cores;
use crate::support::environment::Environment;
use crate::support::interrupt::kill_servers_on_signals;
use crate::support::out::Out;
use crate::support::progress::Progress;

/// Runs the lab. Prints its report on standard output and its progress on standard error.
///
/// The exit status is 0 if everything was measured, 1 if a server broke a rule or a delivery failed its check,
/// 2 if nothing can be measured, 3 if the command line is wrong, 130 after an interrupt.
///
/// # Errors
///
/// The report cannot be written.
pub fn run(args: &LabArgs) -> io::Result<ExitCode> {
    let requested = args.points().and_then(|points| args.check_names().map(|()| points));
    let points = match requested {
        Ok(points) => points,
        Err(error) => {
            print_error(format_args!("lab: {error}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    match measure(args, points) {
        Ok(None) => Ok(ExitCode::SUCCESS),
        Ok(Some((record, out))) => finish(&record, out.as_ref(), args.form()),
        Err(error) => {
            print_error(format_args!("lab: {error}"));
            Ok(ExitCode::from(INCONCLUSIVE))
        }
    }
}

/// Measures all requested points. With `--list`, prints them instead and returns `None`.
fn measure(args: &LabArgs, points: Vec<Point>) -> io::Result<Option<(Record, Option<Out>)>> {
    let (entrants, absent) = Entrant::all(args)?;
    if args.list {
        let mut out = anstream::stdout().lock();
        writeln!(out, "{}", list::render(args, &points, &entrants))?;
        return out.flush().map(|()| None);
    }
    let out = args.out.as_deref().map(Out::prepare).transpose()?;
    let interruption = kill_servers_on_signals()?;
    let (points, too_large) = within_limits(points);
    if let ([], [first, ..]) = (&points[..], &too_large[..]) {
        return Err(io::Error::other(format!("no point can be measured: {}", first.reason)));
    }
    let mut record = begin(args, &entrants, &points);
    let reasons = absent.into_iter().map(|reason| LeftOut { entrant: None, point: None, reason });
    record.left_out.extend(reasons.chain(too_large));
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

/// Separates the points for which the limit on open files suffices from the others.
fn within_limits(points: Vec<Point>) -> (Vec<Point>, Vec<LeftOut>) {
    let (mut fitting, mut too_large) = (Vec::new(), Vec::new());
    for point in points {
        match raise_open_files_limit(point.load.connections()) {
            Ok(()) => fitting.push(point),
            Err(error) => {
                let (point, reason) = (Some(point.id), error.to_string());
                too_large.push(LeftOut { entrant: None, point, reason });
            }
        }
    }
    (fitting, too_large)
}

fn begin(args: &LabArgs, entrants: &[Entrant], points: &[Point]) -> Record {
    let seed = args.seed.unwrap_or_else(command::drawn_seed);
    let entrants = entrants.iter().map(|entrant| EntrantRecord {
        name: entrant.name.clone(),
        kind: entrant.kind,
        gate: match entrant.kind {
            Kind::Floor | Kind::Broker => "not checked: no chat server".into(),
            _ => "not checked".into(),
        },
        is_broken: false,
        manifest: entrant.manifest.clone(),
    });
    let of_point = |point: &Point| PointRecord {
        id: point.id.clone(),
        workload: point.workload.id.into(),
        command: command::repeating(args, seed, Some(point)),
    };
    Record {
        format: FORMAT,
        started: command::now(),
        command: command::repeating(args, seed, None),
        seed,
        scale: args.scale().name().into(),
        repeats: args.repeats(),
        is_interrupted: false,
        environment: Environment::read(),
        cores: Cores::separate(),
        entrants: entrants.collect(),
        points: points.iter().map(of_point).collect(),
        left_out: Vec::new(),
        runs: Vec::new(),
        traces: Vec::new(),
    }
}

fn finish(record: &Record, out: Option<&Out>, form: Form) -> io::Result<ExitCode> {
    if let Some(out) = out {
        write_files(out, record)?;
    }
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{}", report::render(record, form))?;
    stdout.flush()?;
    let is_void = record.runs.iter().any(|run| run.void.is_some());
    let is_broken = record.entrants.iter().any(|entrant| entrant.is_broken);
    Ok(match (record.is_interrupted, is_void || is_broken) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (_, true) => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}

/// Writes `lab.json`, and `lab.txt` with the wide report and all runs.
fn write_files(out: &Out, record: &Record) -> io::Result<()> {
    out.write("lab.json", &(record.to_json() + "\n"))?;
    let text = report::render(record, Form::Wide);
    let runs = report::all_runs(record);
    out.write("lab.txt", &format!("{text}\n\n{runs}\n"))
}

/// The status that a shell reports for a program ended by SIGINT: 128 + 2.
const INTERRUPTED: u8 = 130;
