//! Running: the program under test as a process, which ends with the test.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};

/// A process that gets SIGTERM on drop, and not SIGKILL, so that it ends the servers that it has
/// started.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has already ended.
        kill_process(Pid::from_child(&self.0), Signal::TERM).ok();
        self.0.wait().ok();
    }
}
