//! The examinee: the server or the client that is held to its rules.

use crate::process::Screen;
use crate::spec::{Party, Rule};
use crate::suite::client_fixture::{ClientCommand, ClientFixture};
use crate::suite::{Plan, Row, run_client_row, run_row};
use crate::target::Subject;

/// Who is held to rules.
pub(super) enum Examinee {
    /// A server.
    Server(Box<dyn Subject>),
    /// A client.
    Client(ClientCommand),
}

impl Examinee {
    /// Whose rules apply.
    pub(super) fn party(&self) -> Party {
        match self {
            Self::Server(_) => Party::Server,
            Self::Client(_) => Party::Client,
        }
    }

    /// Finds out, before the first test, whether it is there at all.
    ///
    /// # Errors
    ///
    /// It is not, and why.
    pub(super) fn probe(&self) -> Result<(), String> {
        match self {
            Self::Server(server) => server.probe().map_err(|error| error.to_string()),
            Self::Client(client) => {
                let visit = ClientFixture::new(client, 1.0).start(Screen::Pipe);
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
