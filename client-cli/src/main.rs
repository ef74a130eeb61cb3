//! The program: reads the command line, runs the client, turns the result into an exit status.

use std::process::ExitCode;

use clap::Parser;
use client_cli::{Options, run, tell};

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&error);
            ExitCode::FAILURE
        }
    }
}
