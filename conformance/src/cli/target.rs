//! Target: the server or client that `check` tests.

use crate::process::Stdout;
use crate::spec::{Party, Rule};
use crate::suite::visit::{ClientCommand, Visits};
use crate::suite::{Plan, Row, run_client_row, run_row};
use crate::target::Target;

/// What `check` tests.
pub(super) enum CheckTarget {
    /// A server.
    Server(Box<dyn Target>),
    /// A client.
    Client(ClientCommand),
}

impl CheckTarget {
    /// The party whose rules apply.
    pub(super) fn party(&self) -> Party {
        match self {
            Self::Server(_) => Party::Server,
            Self::Client(_) => Party::Client,
        }
    }

    /// Checks, before the first test, that the target can be started and reached.
    ///
    /// # Errors
    ///
    /// The reason for which it cannot.
    pub(super) fn probe(&self) -> Result<(), String> {
        match self {
            Self::Server(server) => server.probe().map_err(|error| error.to_string()),
            Self::Client(client) => {
                let visit = Visits::new(client, 1.0).begin(Stdout::Pipe);
                visit.map(drop).map_err(|fault| fault.to_string())
            }
        }
    }

    /// Runs one rule.
    pub(super) fn run_row<'a>(&self, rule: &'a Rule, plan: Plan) -> Row<'a> {
        match self {
            Self::Server(server) => run_row(rule, &**server, plan),
            Self::Client(client) => run_client_row(rule, client, plan),
        }
    }
}
