//! Resources: what a running server uses, and the limits under which it runs.

use std::fs;
use std::io;
use std::net::SocketAddr;

use conformance::spec::{Mode, Relay};
use conformance::suite::error::TestError;
use conformance::suite::fixture::{Conditions, Fixture};
use conformance::target::{Declared, Instance, Medium, TcpWire, Wire};
use libtest_mimic::Failed;

use crate::child::Child;

impl Child {
    /// A stage whose clients connect to it.
    pub(crate) fn stage(&self) -> Fixture {
        let conditions = Conditions {
            seed: 1,
            slack: 5.0,
            level: 1,
            asked: 1,
            relay: Relay::Others,
            declared: Declared::default(),
            mode: Mode::Base,
        };
        Fixture::new(Box::new(At(self.addr())), conditions)
    }

    /// Sets the limit of descriptors of the running process.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_descriptors(&self, current: u64) -> Result<(), Failed> {
        use rustix::process::{Pid, Resource, Rlimit, prlimit};

        let pid = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        let maximum = rlimit::Resource::NOFILE.get_hard()?;
        let limit = Rlimit { current: Some(current.min(maximum)), maximum: Some(maximum) };
        prlimit(pid, Resource::Nofile, limit)?;
        Ok(())
    }

    /// Other systems cannot set the limit of a running process.
    #[cfg(not(target_os = "linux"))]
    pub(crate) fn limit_descriptors(&self, _current: u64) -> Result<(), Failed> {
        Err("needs Linux".into())
    }

    /// The number of descriptors that it has open.
    pub(crate) fn descriptors(&self) -> Result<u64, Failed> {
        Ok(fs::read_dir(self.proc("fd"))?.count() as u64)
    }

    /// The number of its threads.
    pub(crate) fn threads(&self) -> Result<u64, Failed> {
        self.status("Threads:")
    }

    /// Its resident memory, in bytes.
    pub(crate) fn resident(&self) -> Result<u64, Failed> {
        Ok(self.status("VmRSS:")? * 1024)
    }

    fn status(&self, field: &str) -> Result<u64, Failed> {
        let status = fs::read_to_string(self.proc("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        Ok(number.ok_or_else(|| format!("/proc/PID/status has no {field}"))?)
    }
}

/// An instance at an address, whose process the trial ends.
struct At(SocketAddr);

impl Instance for At {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(TcpWire::connect(self.0)?))
    }

    fn medium(&self) -> Medium {
        Medium::Process
    }
}

/// A connection on which nothing is sent.
pub(crate) fn connect(addr: SocketAddr) -> Result<TcpWire, TestError> {
    TcpWire::connect(addr).map_err(|error| TestError::connecting(&error))
}
