//! Conventions: how a server is run, says that it is ready, and is asked to end.

use rustix::process::Signal;

/// What differs from one server's command to another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conventions {
    /// What a line of its standard output holds once it is ready. Without it, it is ready when it says
    /// `listening on ADDR` or accepts a connection.
    pub ready: Option<String>,
    /// The signal that ends it in order.
    pub end_signal: Signal,
    /// For whom it runs.
    pub user: User,
}

/// For whom a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the suite.
    Same,
    /// A user that the system's limits bind.
    Nobody,
}

impl Default for Conventions {
    fn default() -> Self {
        Self { ready: None, end_signal: Signal::TERM, user: User::Same }
    }
}
