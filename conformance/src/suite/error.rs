//! Error: why a test stopped, and whether the server, the test or the machine is the cause.

use std::{fmt, io};

use rustix::io::Errno;
use thiserror::Error;

/// Why a test stopped.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TestError {
    /// The server broke the rule.
    #[error("{what}")]
    Broken {
        /// What happened, in one sentence.
        what: String,
        /// The bytes that the rule requires; empty if they are not known or the rule is not about
        /// bytes.
        expected: Vec<u8>,
        /// The bytes that the client received; empty if there were none.
        received: Vec<u8>,
    },
    /// The test does not apply to this server.
    #[error("{0}")]
    Inapplicable(String),
    /// The server does not declare what the test needs to know.
    #[error("it does not declare its {0}")]
    Undeclared(&'static str),
    /// The suite or the machine failed, so nothing is known about the server.
    #[error("{0}")]
    Inconclusive(String),
}

impl TestError {
    /// The server broke the rule, and there are no bytes to compare.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken { what: what.into(), expected: Vec::new(), received: Vec::new() }
    }

    /// Adds the place in the test where the error was found.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        match self {
            Self::Broken { what, expected, received } => {
                Self::Broken { what: format!("{what}, {place}"), expected, received }
            }
            other => other,
        }
    }

    /// A connection could not be made. The server is at fault, unless this machine has no
    /// descriptor or no port left.
    pub fn connecting(error: &io::Error) -> Self {
        let code = Errno::from_io_error(error);
        if matches!(code, Some(Errno::MFILE | Errno::NFILE | Errno::ADDRNOTAVAIL)) {
            return Self::Inconclusive(format!(
                "this machine cannot open another connection: {error}"
            ));
        }
        Self::broken(format!("the server does not accept a connection: {error}"))
    }
}

/// The declared value that a test needs; `what` names it in the result.
///
/// # Errors
///
/// The server does not declare the value, so the test does not apply.
pub fn needed<T>(value: Option<T>, what: &'static str) -> Result<T, TestError> {
    value.ok_or(TestError::Undeclared(what))
}
