//! The program: the conformance suite, the three servers and the tools that measure them.

use std::process::ExitCode;

fn main() -> ExitCode {
    conformance::cli::run(std::env::args_os())
}
