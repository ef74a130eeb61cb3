//! The chat server with one readiness loop for all clients.

use std::process::ExitCode;

fn main() -> ExitCode {
    server_core::run(&server_select::PROGRAM, std::env::args_os())
}
