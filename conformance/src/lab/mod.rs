//! Lab: level 0 as a gate, then one saturating fan-out on every server, side by side in a table.

mod args;
mod entrant;
mod environment;
mod gate;
mod interrupt;
mod progress;
mod report;
mod trial;

use std::io::{self, Write as _};
use std::process::ExitCode;

pub use self::args::LabArgs;
use self::entrant::Entrant;
pub(crate) use self::environment::Environment;
pub(crate) use self::interrupt::{Interruption, note_signals};
pub use self::interrupt::{end_children_on_signals, ignores_hangup};
pub(crate) use self::progress::Progress;
use self::report::Row;
use self::trial::Plan;
use crate::console::complain;
use crate::load::make_room_for;

/// Runs the lab and prints its table on standard output, its progress on standard error.
///
/// Success means that every server kept level 0 and every repeat ended with all deliveries checked.
///
/// # Errors
///
/// The table cannot be written.
pub fn run(args: &LabArgs) -> io::Result<ExitCode> {
    if let Err(error) = prepare(args) {
        complain(format_args!("lab: {error}"));
        return Ok(ExitCode::FAILURE);
    }
    let entrants = match Entrant::ours(args.servers()) {
        Ok(entrants) => entrants,
        Err(error) => {
            complain(format_args!("lab: our own program cannot be found: {error}"));
            return Ok(ExitCode::FAILURE);
        }
    };
    let rows = measure(&entrants, args);
    let report = report::render(&rows, &Environment::read(), args);
    let is_complete = rows.iter().all(|row| row.outcome.is_ok());
    let mut out = anstream::stdout().lock();
    writeln!(out, "{report}")?;
    out.flush()?;
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Sees to it that an interrupt leaves no server behind and that all connections can be open.
fn prepare(args: &LabArgs) -> Result<(), String> {
    interrupt::end_children_on_signals().map_err(|error| format!("no signal handler: {error}"))?;
    make_room_for(args.listeners as usize).map_err(|error| error.to_string())
}

/// The gate for everybody, then the repeats, interleaved so that what the machine does meanwhile
/// meets all alike. Whoever fails takes no further part.
fn measure(entrants: &[Entrant], args: &LabArgs) -> Vec<Row> {
    let plan = Plan::from(args);
    let progress = Progress::new(entrants.len() as u64 * (1 + u64::from(args.repeats)));
    let mut rows: Vec<Row> = Vec::new();
    for entrant in entrants {
        progress.step(&format!("{}: level 0", entrant.name));
        rows.push(Row {
            name: entrant.name.clone(),
            outcome: gate::check(entrant).map(|()| vec![]),
        });
    }
    for repeat in 1..=args.repeats {
        for (entrant, row) in entrants.iter().zip(&mut rows) {
            progress.step(&format!("{}: fan-out, {repeat} of {}", entrant.name, args.repeats));
            row.add(|| trial::run(entrant, &plan));
        }
    }
    progress.finish();
    rows
}
