//! Serve: runs the servers and baselines that this program contains.

use std::ffi::OsString;
use std::iter;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::baselines::{Baseline, BaselineArgs, DefectiveArgs};
use crate::target::Model;

/// The server or baseline.
#[derive(Debug, Subcommand)]
pub(super) enum Served {
    /// The chat server with a thread per client
    #[command(disable_help_flag = true)]
    Threaded(Flags),
    /// The chat server with one event loop for all clients
    #[command(disable_help_flag = true)]
    Select(Flags),
    /// The chat server with tasks per client
    #[command(disable_help_flag = true)]
    Async(Flags),
    /// Baseline: copies bytes, in one write per client and wake-up
    Floor(BaselineArgs),
    /// Baseline: copies bytes between two clients, with two threads
    FloorBlocking(BaselineArgs),
    /// Baseline: a thread per client, a send per delivery, under one lock
    NaiveSend(DefectiveArgs),
    /// Baseline: two tasks per client, an unbounded channel between them
    NaiveChannel(BaselineArgs),
    /// Baseline: two threads per client, an unbounded channel between them
    NaiveWriter(BaselineArgs),
    /// Baseline: one loop, a queue per client, emptied in one write per wake-up
    NaiveQueue(BaselineArgs),
}

/// The command line of one of our own servers.
#[derive(Debug, Args)]
pub(super) struct Flags {
    /// Flags of the server; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    flags: Vec<OsString>,
}

/// Runs the server or baseline until a signal ends it.
pub(super) fn run(served: Served) -> ExitCode {
    match served {
        Served::Threaded(Flags { flags }) => run_model(Model::Threaded, flags),
        Served::Select(Flags { flags }) => run_model(Model::Select, flags),
        Served::Async(Flags { flags }) => run_model(Model::Async, flags),
        Served::Floor(arguments) => Baseline::Floor.run(&arguments),
        Served::FloorBlocking(arguments) => Baseline::FloorBlocking.run(&arguments),
        Served::NaiveSend(arguments) => Baseline::run_defective(&arguments),
        Served::NaiveChannel(arguments) => Baseline::NaiveChannel.run(&arguments),
        Served::NaiveWriter(arguments) => Baseline::NaiveWriter.run(&arguments),
        Served::NaiveQueue(arguments) => Baseline::NaiveQueue.run(&arguments),
    }
}

fn run_model(model: Model, flags: Vec<OsString>) -> ExitCode {
    let program = model.program();
    server_core::run(program, iter::once(program.name.into()).chain(flags))
}

pub(super) const EXAMPLES: &str = "\
Each prints `listening on ADDRESS:PORT` on standard output when clients can
connect, and ends at SIGINT or SIGTERM.

Examples:
  conformance serve select --listen 127.0.0.1:1234
  conformance serve async --help
  conformance serve floor --listen 127.0.0.1:0";
