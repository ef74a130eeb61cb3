//! Case: the test of one rule, and what it takes to run it.

use crate::suite::client_fixture::ClientFixture;
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

/// The test of one rule.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The rule.
    pub id: &'static str,
    /// What it takes to see it.
    pub needs: Needs,
    /// What one of our own servers is started with.
    pub flags: &'static [&'static str],
    /// The test.
    pub run: Test,
}

impl Case {
    /// A case of a server that is started as it comes.
    pub(super) const fn new(id: &'static str, needs: Needs, run: Test) -> Self {
        Self { id, needs, flags: &[], run }
    }

    /// The same with one of our own servers started with these flags: to meet its limits sooner. Others
    /// are held to what they declare.
    pub(super) const fn with(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }
}

/// What finds out whether a rule is kept.
pub type Test = fn(&mut Fixture) -> Result<Finding, TestError>;

/// The test of one rule for clients.
#[derive(Clone, Copy, Debug)]
pub struct ClientCase {
    /// The rule.
    pub id: &'static str,
    /// The test.
    pub run: fn(&ClientFixture<'_>) -> Result<Finding, TestError>,
}

/// What it takes to see whether a rule is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// A room: functions will do.
    Room,
    /// A server behind sockets.
    Sockets,
    /// A server in a process of the suite's own, which can be looked into and signalled.
    Process,
}

/// What a test found out about a server that kept the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// That it keeps it.
    Kept,
    /// And something worth knowing.
    Noted(String),
}
