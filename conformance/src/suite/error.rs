//! What can go wrong in a test, and whose error it is.

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
        /// The bytes that the rule asks for, if it is about bytes.
        expected: Vec<u8>,
        /// The bytes that came.
        received: Vec<u8>,
    },
    /// The test does not apply to this server.
    #[error("{0}")]
    Inapplicable(String),
    /// The server does not declare what the test needs to know.
    #[error("it does not declare its {0}")]
    Undeclared(&'static str),
    /// The harness or the machine failed: nothing is known about the server.
    #[error("{0}")]
    Inconclusive(String),
}

impl TestError {
    /// The server broke the rule in a way that bytes do not show.
    pub fn broken(what: impl Into<String>) -> Self {
        Self::Broken { what: what.into(), expected: Vec::new(), received: Vec::new() }
    }

    /// The same, with the place in the test where it was found.
    #[must_use]
    pub fn at(self, place: impl fmt::Display) -> Self {
        match self {
            Self::Broken { what, expected, received } => {
                Self::Broken { what: format!("{what}, {place}"), expected, received }
            }
            other => other,
        }
    }

    /// A connection could not be made: the server's error, unless this machine has run out of something.
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

/// The value that a test needs.
///
/// # Errors
///
/// It is not declared: the test does not apply.
pub fn needed<T>(value: Option<T>, what: &'static str) -> Result<T, TestError> {
    value.ok_or(TestError::Undeclared(what))
}
