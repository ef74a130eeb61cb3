//! Check: tests one server against the rules up to a level, or one client against the rules for
//! clients.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{Args, value_parser};
use protocol::ServerAddress;

use super::tally::{Tally, write_row};
use super::target::CheckTarget;
use crate::spec::{Party, Rule, rules};
use crate::suite::Plan;
use crate::suite::client_fixture::ClientCommand;
use crate::support::console::{INCONCLUSIVE, USAGE, print_error};
use crate::support::interrupt::end_children_on_signals;
use crate::support::token::mixed;
use crate::target::{CommandServer, Manifest, Origin, RemoteServer};

/// The target, the rules and the conditions of a run.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Test the rules up to this level
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = value_parser!(u8).range(0..=2))]
    level: u8,
    /// Test only these rules, of any level
    #[arg(long, value_delimiter = ',', value_name = "ID,...")]
    only: Vec<String>,
    /// Seed of the order of the rules and of random bytes [default: new each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Run everything this many times
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = value_parser!(u64).range(REPEATS))]
    repeat: u64,
    /// Multiply every deadline by this factor, for a slow machine
    #[arg(long, default_value_t = 1.0, value_name = "X", value_parser = slack)]
    slack: f64,
    /// Read what the server declares from this file: limits, policies, its words for our flags
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Test a server that runs already
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "command", value_parser = address)]
    connect: Option<SocketAddr>,
    /// Test the client that the command starts
    #[arg(long, conflicts_with_all = ["connect", "manifest"])]
    client: bool,
    /// Starts the server or client; {port} is the port on which it must listen, or to which it must
    /// connect
    #[arg(last = true, required_unless_present = "connect", value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Tests the target, prints the results, and returns the exit status: 0 every rule holds, 1 a rule
/// is broken, 2 there is no result, 3 there is no such rule or the manifest is wrong.
///
/// # Errors
///
/// The output cannot be written, which ends the run.
pub(super) fn run(arguments: &CheckArgs) -> io::Result<ExitCode> {
    let all = rules();
    let unknown = unknown_ids(&all, &arguments.only);
    if !unknown.is_empty() {
        let unknown = unknown.join(", ");
        let advice = "`conformance list` prints all rules";
        print_error(format_args!("conformance: there is no rule {unknown}: {advice}"));
        return Ok(ExitCode::from(USAGE));
    }
    let manifest = match arguments.manifest.as_deref().map(Manifest::read).transpose() {
        Ok(manifest) => manifest,
        Err(error) => {
            print_error(format_args!("conformance: {error}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    if let Err(error) = end_children_on_signals() {
        print_error(format_args!("conformance: signals cannot be handled: {error}"));
        return Ok(ExitCode::from(INCONCLUSIVE));
    }
    // Rules with many clients need many descriptors. If the limit cannot be raised and is too low,
    // the row of such a rule reports it.
    rlimit::increase_nofile_limit(u64::MAX).ok();
    let target = arguments.target(manifest);
    if let Err(reason) = target.probe() {
        print_error(format_args!("conformance: {reason}"));
        return Ok(ExitCode::from(INCONCLUSIVE));
    }
    run_rows(&all, &target, arguments).map(|tally| tally.status())
}

impl CheckArgs {
    /// The target that the command line names.
    fn target(&self, manifest: Option<Manifest>) -> CheckTarget {
        let command = self.command.clone();
        match self.connect {
            Some(addr) => CheckTarget::Server(Box::new(RemoteServer { addr, manifest })),
            None if self.client => {
                CheckTarget::Client(ClientCommand { command, origin: Origin::Foreign })
            }
            None => CheckTarget::Server(Box::new(CommandServer { command, manifest })),
        }
    }
}

/// Runs the rows one after the other, and prints a line for each and a summary.
fn run_rows(all: &[Rule], target: &CheckTarget, arguments: &CheckArgs) -> io::Result<Tally> {
    let seed = arguments.seed.unwrap_or_else(new_seed);
    let selected = select(all, target.party(), arguments, seed);
    let total = selected.len() as u64 * arguments.repeat;
    let mut tally = Tally::default();
    let mut out = anstream::stdout().lock();
    for turn in 0..arguments.repeat {
        let CheckArgs { slack, level, .. } = *arguments;
        let plan = Plan { seed: seed.wrapping_add(turn), slack, level };
        for rule in &selected {
            show_progress(&rule.id, tally.rows(), total);
            let row = target.run_row(rule, plan);
            clear_progress();
            write_row(&mut out, &row)?;
            tally.count(row);
        }
    }
    tally.write_summary(&mut out, seed)?;
    Ok(tally)
}

/// The ids in `only` that no rule has.
fn unknown_ids<'a>(all: &[Rule], only: &'a [String]) -> Vec<&'a str> {
    let is_known = |id: &str| all.iter().any(|rule| id.eq_ignore_ascii_case(&rule.id));
    only.iter().map(String::as_str).filter(|id| !is_known(id)).collect()
}

/// The rules to test, in an order that the seed determines: no rule may depend on the one before
/// it.
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

/// Shows on a terminal which rule is being tested.
fn show_progress(id: &str, done: u64, total: u64) {
    let mut terminal = io::stderr().lock();
    if terminal.is_terminal() {
        // Progress that cannot be shown is not an error.
        write!(terminal, "\r{id}  {done} of {total}").ok();
    }
}

fn clear_progress() {
    let mut terminal = io::stderr().lock();
    if terminal.is_terminal() {
        // As in `show_progress`.
        write!(terminal, "\r\x1b[K").ok();
    }
}

/// A seed from the clock: over many runs, different orders and bytes are tested.
fn new_seed() -> u64 {
    let age = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    mixed(u64::from(age.subsec_nanos()) ^ age.as_secs()) % SEED_MAX
}

fn slack(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(slack) if (0.1..=1000.0).contains(&slack) => Ok(slack),
        _ => Err("write a number from 0.1 to 1000".into()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let server: ServerAddress = text.parse()?;
    let mut addresses =
        (server.host(), server.port()).to_socket_addrs().map_err(|error| error.to_string())?;
    addresses.next().ok_or_else(|| "the host has no address".into())
}

pub(super) const EXAMPLES: &str = "\
Examples:
  conformance check -- python3 conformance/guests/server.py --port {port}
  conformance check --level 1 --connect 127.0.0.1:1234
  conformance check --level 2 --manifest my-server.toml -- ./my-server {port}
  conformance check --only RLY-03,SEG-02 --seed 7 -- ./my-server {port}
  conformance check --client -- ./my-client 127.0.0.1:{port}

Exit status:
  0        every MUST that was tested holds
  1        a MUST is broken
  2        there is no result, a rule was INCONCLUSIVE, or the output cannot be
           written
  3        the command line or the manifest is wrong
  141      the reader of the output has closed it, as in `| head -1`
  128 + n  signal n ended the run

docs/your-own-server.md explains the results and the manifest.";

/// Enough for days.
const REPEATS: RangeInclusive<u64> = 1..=1_000_000;
/// Short enough to be typed.
const SEED_MAX: u64 = 1_000_000;
