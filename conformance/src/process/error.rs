//! Error: the reasons for which a server or client does not start.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use thiserror::Error;

/// The reason for which a server or client did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The command has no words.
    #[error("the command is empty: write a program and its arguments")]
    Empty,
    /// The program could not be started.
    #[error("{program} cannot be started: {source}")]
    Spawn {
        /// Its name or path.
        program: String,
        /// The system's reason.
        source: io::Error,
    },
    /// The server ended before it was ready.
    #[error("the server ended before it was ready ({status}){}", reported_log(log))]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// The end of its output.
        log: String,
    },
    /// The server runs, but it neither printed its ready line nor accepted a connection.
    #[error(
        "the server was not ready within {} s: it printed no ready line and accepted no connection{}",
        READY_WITHIN.as_secs(),
        reported_log(log)
    )]
    NotReady {
        /// The end of its output.
        log: String,
    },
    /// Every port that was tried is in use.
    #[error("no port of 127.0.0.1 is free: end the programs that hold them, and run this again")]
    NoPort,
}

/// The server's output, as the end of a sentence.
fn reported_log(log: &str) -> String {
    if log.is_empty() { String::new() } else { format!("; it printed:\n{}", log.trim_end()) }
}

/// A Python interpreter takes a second to start on a busy machine; this is ten times that.
pub(super) const READY_WITHIN: Duration = Duration::from_secs(10);
