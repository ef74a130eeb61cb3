//! Cli: the command line of the program: serve, chat, check, list, lab, diff, siege.

mod check;
mod list;
mod serve;
mod tally;
mod target;

use std::ffi::OsString;
use std::iter;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::support::console::{USAGE, exit_status};

/// Tests servers and clients of the chat protocol against its rules, and measures
/// and attacks the servers
#[derive(Debug, Parser)]
#[command(name = "conformance", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one of this project's servers, or a baseline for measurements
    #[command(after_help = serve::EXAMPLES)]
    Serve {
        #[command(subcommand)]
        served: serve::Served,
    },
    /// Run this project's chat client
    #[command(disable_help_flag = true)]
    Chat {
        /// Arguments of the client; `chat --help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Test a server against the rules up to a level, or a client against the rules for clients
    #[command(after_help = check::EXAMPLES)]
    Check(check::CheckArgs),
    /// Print every rule, its level, and how it is tested
    #[command(after_help = list::EXAMPLES)]
    List,
    /// Measure servers beside each other
    Lab(crate::lab::LabArgs),
    /// Compare two reports of the lab, and print the differences that exceed the noise
    Diff(crate::lab::DiffArgs),
    /// Attack servers with hostile clients, and check that honest clients are not harmed
    Siege(crate::siege::SiegeArgs),
}

/// Runs a command line, which begins with the program's name, and returns its exit status: 0
/// success, 1 a rule is broken, 2 there is no result or the output cannot be written, 3 the command
/// line is wrong, 141 the reader of the output has closed it.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            // Help goes to standard output. A mistake keeps its status even if its message cannot
            // be written.
            let is_mistake = error.use_stderr();
            return if is_mistake {
                ExitCode::from(USAGE)
            } else {
                exit_status(printed.map(success))
            };
        }
    };
    exit_status(match cli.command {
        Command::Serve { served } => Ok(serve::run(served)),
        Command::Chat { arguments } => Ok(chat(arguments)),
        Command::Check(arguments) => check::run(&arguments),
        Command::List => list::run().map(success),
        Command::Lab(arguments) => crate::lab::run(&arguments),
        Command::Diff(arguments) => crate::lab::diff(&arguments),
        Command::Siege(arguments) => crate::siege::run(&arguments),
    })
}

fn success((): ()) -> ExitCode {
    ExitCode::SUCCESS
}

fn chat(arguments: Vec<OsString>) -> ExitCode {
    client_cli::main(iter::once("client-cli".into()).chain(arguments))
}

const EXAMPLES: &str = "\
Examples:
  conformance serve async --listen 127.0.0.1:1234
  conformance chat --name ann 127.0.0.1:1234
  conformance check --level 1 -- ./my-server {port}
  conformance list
  conformance lab --quick
  conformance siege --short

Exit status:
  0    success
  1    a rule is broken
  2    there is no result, or the output cannot be written
  3    the command line is wrong
  141  the reader of the output has closed it, as in `| head -1`";
