//! The chat server with an asynchronous task per client.

use std::process::ExitCode;

fn main() -> ExitCode {
    server_core::run(&server_async::PROGRAM, std::env::args_os())
}
