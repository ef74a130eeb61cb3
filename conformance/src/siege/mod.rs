//! Siege: honest clients who talk, beside a hostile crowd of every kind, and whether they are harmed.
//!
//! One thread plays all clients. The `honest` ones are driven by readiness, so that what they measure
//! is the server; the `fleet` of hostile ones is driven by the clock, five turns a second for each. An
//! `assault` is one kind against one fresh server; its `outcome` is harmless if every honest delivery
//! came once, in order and intact, and if the server kept its memory's bound and forgot the crowd.

mod account;
mod args;
mod assault;
mod end;
mod fleet;
mod ground;
mod honest;
mod hostile;
mod kind;
mod means;
mod outcome;
mod report;
#[cfg(test)]
mod tests;
mod voice;

use std::io::{self, Write as _};
use std::process::ExitCode;

use load::make_room_for;

pub use self::args::SiegeArgs;
use self::assault::AssaultError;
use self::ground::Besieged;
pub use self::kind::Kind;
use self::outcome::Verdict;
use self::report::Row;
use crate::support::console::{INCONCLUSIVE, print_error};
use crate::support::interrupt::{Interruption, record_signals};
use crate::support::progress::Progress;

/// Besieges the servers and prints what it did on standard output, its progress on standard error.
///
/// The exit status is 0 if nobody was harmed, 1 if somebody was, 2 if it cannot be said or was not found
/// out because of an interrupt.
///
/// # Errors
///
/// The report cannot be written.
pub fn run(args: &SiegeArgs) -> io::Result<ExitCode> {
    let (interruption, servers) = match prepare(args) {
        Ok(prepared) => prepared,
        Err(error) => {
            print_error(format_args!("siege: {error}"));
            return Ok(ExitCode::from(INCONCLUSIVE));
        }
    };
    let rows = besiege(&servers, args, &interruption);
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", report::render(&rows, args))?;
    out.flush()?;
    Ok(status(&rows, &interruption))
}

/// Sees to it that an interrupt leaves no server behind, that all connections can be open, and that the
/// servers are known.
fn prepare(args: &SiegeArgs) -> io::Result<(Interruption, Vec<Besieged>)> {
    let interruption = record_signals()?;
    make_room_for(args.honest() + args.hostile())?;
    Ok((interruption, Besieged::all(args)?))
}

/// One kind after the other, on one server after the other; what an interrupt cuts off is left out.
fn besiege(servers: &[Besieged], args: &SiegeArgs, interruption: &Interruption) -> Vec<Row> {
    let kinds = args.kinds();
    let progress = Progress::new((servers.len() * kinds.len()) as u64);
    let mut rows = Vec::new();
    for server in servers {
        for &kind in &kinds {
            progress.step(&format!("{}: {kind}", server.name));
            let outcome = match assault::run(server, kind, args, interruption) {
                Err(AssaultError::Interrupted) => {
                    progress.finish();
                    return rows;
                }
                outcome => outcome.map_err(|error| error.to_string()),
            };
            rows.push(Row { server: server.name.clone(), kind, outcome });
        }
    }
    progress.finish();
    rows
}

fn status(rows: &[Row], interruption: &Interruption) -> ExitCode {
    let any = |wanted| rows.iter().any(|row| row.verdict() == wanted);
    if any(Verdict::Harmed) {
        ExitCode::FAILURE
    } else if any(Verdict::Inconclusive) || interruption.has_come() {
        ExitCode::from(INCONCLUSIVE)
    } else {
        ExitCode::SUCCESS
    }
}
