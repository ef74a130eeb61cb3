//! Cases: rules that no conversation can show in full, tested by a few lines of code each.

mod client;
mod close;
mod crowd;
mod extensions;
mod flood;
mod frame;
mod handshake;
mod idle;
mod operator;
mod order;
mod pressure;
mod private;
mod relay;
mod resource;
mod segment;
mod shortage;
mod shutdown;
mod stalled;
mod traces;

use crate::fault::Fault;
use crate::stage::Stage;
use crate::visit::Visits;

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

/// What finds out whether a rule is kept.
pub type Test = fn(&mut Stage) -> Result<Finding, Fault>;

/// The test of one rule for clients.
#[derive(Clone, Copy, Debug)]
pub struct ClientCase {
    /// The rule.
    pub id: &'static str,
    /// The test.
    pub run: fn(&Visits<'_>) -> Result<Finding, Fault>,
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

/// Every case, area by area.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    let areas = [
        close::CASES,
        crowd::CASES,
        extensions::CASES,
        frame::CASES,
        handshake::CASES,
        idle::CASES,
        operator::CASES,
        order::CASES,
        pressure::CASES,
        private::CASES,
        relay::CASES,
        resource::CASES,
        segment::CASES,
        shortage::CASES,
        shutdown::CASES,
        stalled::CASES,
        traces::CASES,
    ];
    areas.into_iter().flatten()
}

/// The case of a rule, if it has one.
pub fn case(id: &str) -> Option<&'static Case> {
    cases().find(|case| case.id == id)
}

/// The case of a rule for clients, if it has one.
pub fn client_case(id: &str) -> Option<&'static ClientCase> {
    client_cases().find(|case| case.id == id)
}

/// Every case of the rules for clients.
pub fn client_cases() -> impl Iterator<Item = &'static ClientCase> {
    client::CASES.iter()
}

impl Case {
    /// A case of a server that is started as it comes.
    const fn new(id: &'static str, needs: Needs, run: Test) -> Self {
        Self { id, needs, flags: &[], run }
    }

    /// The same with one of our own servers started with these flags: to meet its limits sooner. Others
    /// are held to what they declare.
    const fn with(self, flags: &'static [&'static str]) -> Self {
        Self { flags, ..self }
    }
}
