//! Case: the test of one rule, and what a server needs for it.

use crate::suite::client_fixture::ClientFixture;
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

/// The test of one rule for servers.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The rule.
    pub id: &'static str,
    /// How the suite has to reach the server.
    pub needs: Needs,
    /// The flags with which one of our own servers is started.
    pub flags: &'static [&'static str],
    /// The test.
    pub run: Test,
}

impl Case {
    /// A case for a server that is started without flags.
    pub(super) const fn new(id: &'static str, needs: Needs, run: Test) -> Self {
        Self { id, needs, flags: &[], run }
    }

    /// Starts our own servers with these flags, so that a limit is reached sooner. Other servers
    /// are checked against what they declare.
    pub(super) const fn with(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }
}

/// The function that checks whether a server keeps a rule.
pub type Test = fn(&mut Fixture) -> Result<Finding, TestError>;

/// The test of one rule for clients.
#[derive(Clone, Copy, Debug)]
pub struct ClientCase {
    /// The rule.
    pub id: &'static str,
    /// The test.
    pub run: fn(&ClientFixture<'_>) -> Result<Finding, TestError>,
}

/// How the suite has to reach a server to see whether it keeps a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// In any way; function calls to a room in memory are enough.
    Room,
    /// Over sockets.
    Sockets,
    /// Over sockets, in a process that the suite starts, measures and signals.
    Process,
}

/// The result of a test of a server that keeps the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It keeps the rule.
    Kept,
    /// It keeps the rule, with this remark.
    Noted(String),
}
