//! Child: one of our servers as a child process, started through another program, and what the
//! kernel reports about it.

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
    /// Starts `PREFIX… conformance serve MODEL … FLAGS…`.
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

    /// The processor time that it has used so far.
    pub(crate) fn cpu(&self) -> Result<Duration, Failed> {
        let stat = fs::read_to_string(self.proc("stat"))?;
        // The program's name is in parentheses, and may contain any characters.
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name")?;
        let mut fields = fields.split_whitespace().skip(11).map(str::parse::<u64>);
        let mut ticks = || fields.next().and_then(Result::ok).ok_or("/proc/PID/stat is too short");
        Ok((ticks()? + ticks()?).try_into().map(|ticks: u32| TICK * ticks)?)
    }

    /// The path of this file about it in `/proc`.
    pub(crate) fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.id())
    }

    /// The end of its log.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Repeats a check until it holds, as long as the server runs and within a deadline.
    pub(crate) fn await_that(
        &self,
        what: &str,
        mut holds: impl FnMut() -> Result<bool, Failed>,
    ) -> Result<(), Failed> {
        let start = Instant::now();
        while !holds()? {
            if let Some(status) = self.process.wait(CHECK_INTERVAL) {
                return Err(format!("the server has ended: {status}:\n{}", self.log()).into());
            }
            if start.elapsed() > EVENT_WITHIN {
                let within = EVENT_WITHIN.as_secs();
                return Err(format!("expected within {within} s: {what}").into());
            }
        }
        Ok(())
    }

    /// Asks it for a graceful shutdown, and requires that it ends with status 0.
    pub(crate) fn stop(self) -> Result<(), Failed> {
        self.process.terminate();
        let status = self.process.wait(EXIT_WITHIN).ok_or("the server does not end at SIGTERM")?;
        if status.success() {
            return Ok(());
        }
        Err(format!("exit status 0 expected, got {status}; its log ends:\n{}", self.log()).into())
    }
}

/// The kernel's unit of processor time, on every Linux.
const TICK: Duration = Duration::from_millis(10);
const CHECK_INTERVAL: Duration = Duration::from_millis(2);
const EXIT_WITHIN: Duration = Duration::from_secs(20);
const EVENT_WITHIN: Duration = Duration::from_secs(20);
