//! Child: one of our servers as a process of its own, started through another program.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use conformance::process::ServerProcess;
use conformance::target::{Model, our_command};
use libtest_mimic::Failed;

/// A server under test.
pub(crate) struct Child {
    process: ServerProcess,
}

impl Child {
    /// Starts `prefix… conformance serve MODEL … flags…`.
    pub(crate) fn start(model: Model, prefix: &[&str], flags: &[&str]) -> Result<Self, Failed> {
        let mut command: Vec<OsString> = prefix.iter().map(OsString::from).collect();
        command.extend(our_command(model, env!("CARGO_BIN_EXE_conformance").as_ref()));
        command.extend(flags.iter().map(OsString::from));
        Ok(Self { process: ServerProcess::start_on(&command, 0)? })
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.process.addr()
    }

    /// The processor time it has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration, Failed> {
        let stat = fs::read_to_string(self.proc("stat"))?;
        // The name before it is in parentheses and may hold anything.
        let (_, fields) = stat.rsplit_once(')').ok_or("its statistics have no name")?;
        let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut ticks = || fields.next().and_then(Result::ok).ok_or("its statistics are short");
        Ok((ticks()? + ticks()?).try_into().map(|ticks: u32| TICK * ticks)?)
    }

    /// What the kernel tells about it under this name.
    pub(crate) fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.id())
    }

    /// The end of what it has logged.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Looks again and again, for as long as it lives and within a bound.
    pub(crate) fn await_that(
        &self,
        what: &str,
        mut holds: impl FnMut() -> Result<bool, Failed>,
    ) -> Result<(), Failed> {
        let start = Instant::now();
        while !holds()? {
            if let Some(status) = self.process.wait(LOOK_PACE) {
                return Err(format!("it has ended: {status}:\n{}", self.log()).into());
            }
            if start.elapsed() > EVENT_WITHIN {
                return Err(format!("within {} s: {what}", EVENT_WITHIN.as_secs()).into());
            }
        }
        Ok(())
    }

    /// Asks it to end; it has to do so by itself and with status 0.
    pub(crate) fn stop(self) -> Result<(), Failed> {
        self.process.terminate();
        let status = self.process.wait(EXIT_WITHIN).ok_or("it does not end at SIGTERM")?;
        if status.success() {
            return Ok(());
        }
        Err(format!("exit status 0 expected, got {status}; its log ends:\n{}", self.log()).into())
    }
}

/// What the kernel counts processor time in, on every Linux.
const TICK: Duration = Duration::from_millis(10);
const LOOK_PACE: Duration = Duration::from_millis(2);
const EXIT_WITHIN: Duration = Duration::from_secs(20);
const EVENT_WITHIN: Duration = Duration::from_secs(20);
