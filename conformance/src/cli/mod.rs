//! The command line of the one binary: serve, check, list, lab, diff, siege.

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

/// Holds chat servers to the protocol's rules
#[derive(Debug, Parser)]
#[command(name = "conformance", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run one of this project's servers, or a yardstick to measure them by
    Serve {
        #[command(subcommand)]
        served: serve::Served,
    },
    /// Run this project's line client
    #[command(disable_help_flag = true)]
    Chat {
        /// Its command line; `chat --help` explains it
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Hold a server, or a client, to the rules of a level
    Check(check::CheckArgs),
    /// Show every rule, its level, and how it is tested
    List,
    /// Measure the three servers, and others beside them
    Lab(crate::lab::LabArgs),
    /// Compare two reports of the lab, and show what exceeds the noise
    Diff(crate::lab::DiffArgs),
    /// Surround honest clients with a hostile crowd, and see whether they are harmed
    Siege(crate::siege::SiegeArgs),
}

/// Runs the command line, the program's name first, and returns its exit status: 0 all is well, 1 a rule is
/// broken, 2 nothing can be said or the output cannot be written, 3 the command line is wrong, 141 whoever
/// read the output left before its end.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let printed = error.print();
            // Help is asked for and goes to standard output; a mistake is one even if nobody is told.
            let mistaken = error.use_stderr();
            return if mistaken {
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
  conformance check -- python3 conformance/guests/server.py --port {port}
  conformance check --level 1 --connect 127.0.0.1:1234
  conformance check --level 2 --manifest my-server.toml -- ./my-server {port}
  conformance check --client -- ./my-client 127.0.0.1:{port}
  conformance check --only RLY-03,SEG-02 -- ./my-server {port}
  conformance list
  conformance siege --short

Exit status: 0 all is well; 1 a rule is broken; 2 nothing can be said, or not be written; 3 the command
line is wrong; 141 whoever read the output left before its end.";
