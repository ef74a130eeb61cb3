//! `check`: holds one server to the rules of a level.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::Args;

use super::tally::{Tally, print_row};
use super::{INCONCLUSIVE, USAGE};
use crate::lab::end_children_on_signals;
use crate::spec::{Rule, rules};
use crate::subject::{CommandServer, RemoteServer};
use crate::suite::{Plan, run_row};
use crate::target::Subject;
use crate::token::mixed;

/// Which server, which rules, under which conditions.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The highest level to hold it to
    #[arg(long, default_value_t = 0, value_name = "N")]
    level: u8,
    /// Only these rules, of whatever level
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    only: Vec<String>,
    /// What chance is drawn from, the order of the rules included
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many times to run everything
    #[arg(long, default_value_t = 1, value_name = "N")]
    repeat: u64,
    /// Factor on every deadline, for a busy machine
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = slack)]
    slack: f64,
    /// A server that runs already
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "command", value_parser = address)]
    connect: Option<SocketAddr>,
    /// How to start a server; {port} stands for the port it is given
    #[arg(last = true, required_unless_present = "connect", value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the rows one after the other, prints a line for each and a summary.
pub(super) fn run(arguments: CheckArgs) -> ExitCode {
    let seed = arguments.seed.unwrap_or_else(seed_of_the_day);
    let all = rules();
    let selected = select(&all, &arguments, seed);
    if selected.is_empty() {
        eprintln!("conformance: no rule matches; `conformance list` shows all");
        return ExitCode::from(USAGE);
    }
    if let Err(error) = end_children_on_signals() {
        eprintln!("conformance: signals cannot be watched: {error}");
        return ExitCode::from(INCONCLUSIVE);
    }
    let subject: Box<dyn Subject> = match arguments.connect {
        Some(addr) => Box::new(RemoteServer { addr }),
        None => Box::new(CommandServer { command: arguments.command }),
    };
    if let Err(reason) = subject.probe() {
        eprintln!("conformance: {reason}");
        return ExitCode::from(INCONCLUSIVE);
    }
    let mut tally = Tally::default();
    let total = selected.len() as u64 * arguments.repeat;
    for turn in 0..arguments.repeat {
        let plan = Plan { seed: seed.wrapping_add(turn), slack: arguments.slack };
        for rule in &selected {
            show_progress(&rule.id, tally.rows(), total);
            let row = run_row(rule, &*subject, plan);
            clear_progress();
            print_row(&row);
            tally.count(row);
        }
    }
    tally.print_summary(seed);
    tally.status()
}

/// The rules asked for, in an order drawn from the seed: none may lean on the one before it.
fn select<'a>(all: &'a [Rule], arguments: &CheckArgs, seed: u64) -> Vec<&'a Rule> {
    let wanted = |rule: &&Rule| match &arguments.only[..] {
        [] => rule.level <= arguments.level,
        only => only.iter().any(|id| id.eq_ignore_ascii_case(&rule.id)),
    };
    let mut selected: Vec<(u64, &Rule)> =
        (seed..).map(mixed).zip(all.iter().filter(wanted)).collect();
    selected.sort_by_key(|(place, _)| *place);
    selected.into_iter().map(|(_, rule)| rule).collect()
}

/// Says on a terminal what is being waited for.
fn show_progress(id: &str, done: u64, total: u64) {
    if io::stderr().is_terminal() {
        eprint!("\r{id}  {done} of {total}");
        // Progress that cannot be shown is not worth an error.
        io::stderr().flush().ok();
    }
}

fn clear_progress() {
    if io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

/// A new one every time: what a fixed seed never shows, some day's seed will.
fn seed_of_the_day() -> u64 {
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    mixed(u64::from(age.subsec_nanos()) ^ age.as_secs()) % SEED_MAX
}

fn slack(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(slack) if (0.1..=1000.0).contains(&slack) => Ok(slack),
        _ => Err("a number from 0.1 to 1000".into()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text.to_socket_addrs().map_err(|error| error.to_string())?;
    addresses.next().ok_or_else(|| "no such host".into())
}

/// Seeds that people can type.
const SEED_MAX: u64 = 1_000_000;
