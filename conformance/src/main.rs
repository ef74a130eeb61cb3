//! The conformance suite and the servers it is made for, as one program.

use std::process::ExitCode;

fn main() -> ExitCode {
    conformance::cli::run(std::env::args_os())
}
