//! Error: why a server did not come up.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

/// Why a server did not come up.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no program to start.
    #[error("the command is empty")]
    Empty,
    /// The program could not be started.
    #[error("{program} cannot be started: {source}")]
    Spawn {
        /// Its name or path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("the server ended before it was ready ({status}){}", reported_log(log))]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote.
        log: String,
    },
    /// It lives, but neither printed the ready line nor accepted a connection.
    #[error("the server was not ready within {} s{}", READY_WITHIN.as_secs(), reported_log(log))]
    NotReady {
        /// The end of what it wrote.
        log: String,
    },
    /// No port could be bound for it.
    #[error("no free port was found for the server")]
    NoPort,
}

/// What a server said before it failed, as the end of a sentence.
fn reported_log(log: &str) -> String {
    if log.is_empty() { String::new() } else { format!("; it said:\n{}", log.trim_end()) }
}

/// A Python interpreter takes a second to start on a busy machine; this is ten times that.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(10);
