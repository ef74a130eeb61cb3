//! This server as a process: the tests that all three servers share.

#[path = "../../server-core/tests/process/mod.rs"]
mod process;

const SERVER: &str = env!("CARGO_BIN_EXE_server-async");
const PROGRAM: server_core::Program = server_async::PROGRAM;
