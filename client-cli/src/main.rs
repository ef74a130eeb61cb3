//! The program: what it does stands in the library, so that the conformance suite has it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    client_cli::main(std::env::args_os())
}
