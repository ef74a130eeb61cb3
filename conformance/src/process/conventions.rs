//! Conventions: how a server's command reports that it is ready, how it is asked to end, and as
//! which user it runs.

use rustix::process::Signal;

/// How the suite runs one server's command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conventions {
    /// A text that a line of its standard output contains when clients can connect. `None`: it is
    /// ready when it prints `listening on ADDRESS:PORT` or accepts a connection.
    pub ready: Option<String>,
    /// The signal that asks it for a graceful shutdown.
    pub end_signal: Signal,
    /// The user as which it runs.
    pub user: User,
}

/// The user as which a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// The user who runs the suite.
    Same,
    /// The user `nobody`, whom resource limits bind, as they do not bind root.
    Nobody,
}

impl Default for Conventions {
    fn default() -> Self {
        Self { ready: None, end_signal: Signal::TERM, user: User::Same }
    }
}
