//! Siege: honest clients beside many hostile ones of every kind, and whether the honest ones are
//! harmed.
//!
//! One thread runs all clients. Readiness drives the honest clients, so they measure the server;
//! the clock drives the hostile ones, with five turns a second for each. An attack is one kind of
//! hostile clients against one fresh server. Its outcome is harmless if every honest delivery came
//! once, in order and unaltered, and if the server kept within its memory bound and released what
//! the hostile clients used.

mod args;
mod attack;
mod budget;
mod counts;
mod end;
mod honest_clients;
mod hostile_client;
mod hostile_clients;
mod kind;
mod outcome;
mod report;
mod send_schedule;
mod server;
#[cfg(test)]
mod tests;

use std::io::{self, Write as _};
use std::process::ExitCode;

use load::raise_open_files_limit;

pub use self::args::SiegeArgs;
use self::attack::AttackError;
pub use self::kind::Kind;
use self::outcome::Verdict;
use self::report::Row;
use self::server::ServerSource;
use crate::support::console::{INCONCLUSIVE, print_error};
use crate::support::interrupt::{Interruption, record_signals};
use crate::support::progress::Progress;

/// Attacks each server with each kind of hostile clients. Prints the report on standard output, the
/// progress on standard error.
///
/// The exit status is 0 if no honest client and no server was harmed, 1 if one was, 2 if the result
/// is inconclusive or an interrupt came first.
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
    let rows = attack_all(&servers, args, &interruption);
    let mut out = anstream::stdout().lock();
    writeln!(out, "{}", report::render(&rows, args))?;
    out.flush()?;
    Ok(status(&rows, &interruption))
}

/// Registers for signals, so that an interrupt ends the servers; raises the limit on open files;
/// finds the servers.
fn prepare(args: &SiegeArgs) -> io::Result<(Interruption, Vec<ServerSource>)> {
    let interruption = record_signals()?;
    raise_open_files_limit(args.honest() + args.hostile())?;
    Ok((interruption, ServerSource::all(args)?))
}

/// Runs one kind after the other, on one server after the other. An attack that an interrupt ends
/// has no row.
fn attack_all(servers: &[ServerSource], args: &SiegeArgs, interruption: &Interruption) -> Vec<Row> {
    let kinds = args.kinds();
    let progress = Progress::new((servers.len() * kinds.len()) as u64);
    let mut rows = Vec::new();
    for server in servers {
        for &kind in &kinds {
            progress.step(&format!("{}: {kind}", server.name));
            let outcome = match attack::run(server, kind, args, interruption) {
                Err(AttackError::Interrupted) => {
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
