//! This server's own program, put to the same tests as its twins.

#[path = "../../server-core/tests/process/mod.rs"]
mod process;

const SERVER: &str = env!("CARGO_BIN_EXE_server-async");
