//! Target: the server or client that `check` tests.

use crate::process::Stdout;
use crate::spec::{Party, Rule};
use crate::suite::client_fixture::{ClientCommand, ClientFixture};
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
                let started = ClientFixture::new(client, 1.0).start(Stdout::Pipe);
                started.map(drop).map_err(|error| error.to_string())
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
