//! Running: a program under test that is never left behind.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

/// A process that is ended when this is dropped, and with it the servers it started.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Either fails only if it has ended already.
        kill_process(Pid::from_child(&self.0), Signal::TERM).ok();
        self.0.wait().ok();
    }
}
