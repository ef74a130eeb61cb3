//! `check`: holds one server to the rules of a level.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, value_parser};

use super::examinee::Examinee;
use super::tally::{Tally, write_row};
use crate::spec::{Party, Rule, rules};
use crate::suite::Plan;
use crate::suite::client_fixture::ClientCommand;
use crate::support::console::{INCONCLUSIVE, USAGE, complain};
use crate::support::interrupt::end_children_on_signals;
use crate::support::token::mixed;
use crate::target::{CommandServer, Manifest, Origin, RemoteServer};

/// Which server, which rules, under which conditions.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The highest level to hold it to
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = value_parser!(u8).range(0..=2))]
    level: u8,
    /// Only these rules, of whatever level
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    only: Vec<String>,
    /// What chance is drawn from, the order of the rules included
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many times to run everything
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = value_parser!(u64).range(REPEATS))]
    repeat: u64,
    /// Factor on every deadline, for a busy machine
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = slack)]
    slack: f64,
    /// What the server declares: limits, policies, its words for our flags
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// A server that runs already
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "command", value_parser = address)]
    connect: Option<SocketAddr>,
    /// The command starts a client, which is held to all rules for clients
    #[arg(long, conflicts_with_all = ["connect", "manifest"])]
    client: bool,
    /// How to start a server; {port} stands for the port it is given, or a client's server has
    #[arg(last = true, required_unless_present = "connect", value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Holds the server, or the client, to the rules asked for, and says what comes of it: 0 it keeps them, 1 it does not, 2
/// nothing is known, 3 there is no such rule.
///
/// # Errors
///
/// What was found out cannot be written; the run ends there.
pub(super) fn run(arguments: &CheckArgs) -> io::Result<ExitCode> {
    let all = rules();
    let unknown = unknown_ids(&all, &arguments.only);
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        complain(format_args!("conformance: no rule {unknown}; `conformance list` shows all"));
        return Ok(ExitCode::from(USAGE));
    }
    let manifest = match arguments.manifest.as_deref().map(Manifest::read).transpose() {
        Ok(manifest) => manifest,
        Err(error) => {
            complain(format_args!("conformance: {error}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    if let Err(error) = end_children_on_signals() {
        complain(format_args!("conformance: signals cannot be watched: {error}"));
        return Ok(ExitCode::from(INCONCLUSIVE));
    }
    // Crowds take descriptors. Where the limit cannot be raised it may be enough, and a row that finds it
    // is not tells so.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    let examinee = arguments.examinee(manifest);
    if let Err(reason) = examinee.probe() {
        complain(format_args!("conformance: {reason}"));
        return Ok(ExitCode::from(INCONCLUSIVE));
    }
    run_rows(&all, &examinee, arguments).map(|tally| tally.status())
}

impl CheckArgs {
    /// Whom the command line asks about.
    fn examinee(&self, manifest: Option<Manifest>) -> Examinee {
        let command = self.command.clone();
        match self.connect {
            Some(addr) => Examinee::Server(Box::new(RemoteServer { addr, manifest })),
            None if self.client => {
                Examinee::Client(ClientCommand { command, origin: Origin::Foreign })
            }
            None => Examinee::Server(Box::new(CommandServer { command, manifest })),
        }
    }
}

/// Runs the rows one after the other, prints a line for each and a summary.
fn run_rows(all: &[Rule], examinee: &Examinee, arguments: &CheckArgs) -> io::Result<Tally> {
    let seed = arguments.seed.unwrap_or_else(seed_of_the_day);
    let selected = select(all, examinee.party(), arguments, seed);
    let total = selected.len() as u64 * arguments.repeat;
    let mut tally = Tally::default();
    let mut out = anstream::stdout().lock();
    for turn in 0..arguments.repeat {
        let CheckArgs { slack, level, .. } = *arguments;
        let plan = Plan { seed: seed.wrapping_add(turn), slack, level };
        for rule in &selected {
            show_progress(&rule.id, tally.rows(), total);
            let row = examinee.run_row(rule, plan);
            clear_progress();
            write_row(&mut out, &row)?;
            tally.count(row);
        }
    }
    tally.write_summary(&mut out, seed)?;
    Ok(tally)
}

/// What was asked for and is no rule.
fn unknown_ids<'a>(all: &[Rule], only: &'a [String]) -> Vec<&'a str> {
    let is_known = |id: &str| all.iter().any(|rule| id.eq_ignore_ascii_case(&rule.id));
    only.iter().map(String::as_str).filter(|id| !is_known(id)).collect()
}

/// The rules asked for, those of a server up to a level, in an order drawn from the seed: none may lean on the one before it.
fn select<'a>(all: &'a [Rule], party: Party, arguments: &CheckArgs, seed: u64) -> Vec<&'a Rule> {
    let in_level = |rule: &Rule| party == Party::Client || rule.level <= arguments.level;
    let wanted = |rule: &&Rule| match &arguments.only[..] {
        [] => rule.party() == party && in_level(rule),
        only => only.iter().any(|id| id.eq_ignore_ascii_case(&rule.id)),
    };
    let mut selected: Vec<(u64, &Rule)> =
        (seed..).map(mixed).zip(all.iter().filter(wanted)).collect();
    selected.sort_by_key(|(place, _)| *place);
    selected.into_iter().map(|(_, rule)| rule).collect()
}

/// Says on a terminal what is being waited for.
fn show_progress(id: &str, done: u64, total: u64) {
    let mut terminal = io::stderr().lock();
    if terminal.is_terminal() {
        // Progress that cannot be shown is not worth an error.
        write!(terminal, "\r{id}  {done} of {total}").ok();
    }
}

fn clear_progress() {
    let mut terminal = io::stderr().lock();
    if terminal.is_terminal() {
        // As above.
        write!(terminal, "\r\x1b[K").ok();
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

/// Enough for a weekend.
const REPEATS: RangeInclusive<u64> = 1..=1_000_000;
/// Seeds that people can type.
const SEED_MAX: u64 = 1_000_000;
