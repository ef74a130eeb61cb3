//! The chat server with a blocking thread per client.

use std::process::ExitCode;

fn main() -> ExitCode {
    server_core::run(&server_threaded::PROGRAM, std::env::args_os())
}
