//! The program. Its code is in the library, so that the conformance suite can run it, too.

use std::process::ExitCode;

fn main() -> ExitCode {
    client_cli::main(std::env::args_os())
}
