//! One of our servers that is had in another way than it comes, and declares what it declares otherwise.

use conformance::target::{Declared, Instance, NotStarted, Origin, Target};

use crate::our_server;

/// What starts it, with the flags that it is asked for.
pub(crate) struct Altered<Start>(pub(crate) Start);

impl<Start> Target for Altered<Start>
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
