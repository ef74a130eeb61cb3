//! Altered: one of our servers with another way to start it.

use conformance::target::{Declared, Instance, NotStarted, Origin, Target};

use crate::our_server;

/// The function that starts the server with the requested flags.
pub(crate) struct StartedBy<Start>(pub(crate) Start);

impl<Start> Target for StartedBy<Start>
where
    Start: Fn(&[String]) -> Result<Box<dyn Instance>, NotStarted>,
{
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted> {
        self.0(flags)
    }

    fn origin(&self) -> Origin {
        Origin::Ours
    }

    fn declared(&self, flags: &[String]) -> Declared {
        our_server().declared(flags)
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!("rerun {id} {seed}")
    }
}
