//! One of our servers that is had in another way than it comes, and declares what it declares otherwise.

use conformance::target::{Declared, NotStarted, Origin, Subject, Target};

use crate::our_server;

/// What starts it, with the flags that it is asked for.
pub(crate) struct StartedBy<Start>(pub(crate) Start);

impl<Start> Subject for StartedBy<Start>
where
    Start: Fn(&[String]) -> Result<Box<dyn Target>, NotStarted>,
{
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
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
