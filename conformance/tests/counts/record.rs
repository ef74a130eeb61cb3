//! Record: every system call of a server with its time, as strace records it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use conformance::process::ServerProcess;
use conformance::target::{Model, our_command};
use libtest_mimic::Failed;

/// One of our servers while strace records its calls. The server itself is the child; strace is a
/// process beside it.
pub(crate) struct Recorded {
    pub(crate) server: ServerProcess,
    path: PathBuf,
}

/// All lines of a record.
pub(crate) struct Record(String);

/// The number of calls, by name.
pub(crate) type Calls = BTreeMap<String, usize>;

impl Recorded {
    pub(crate) fn start(model: Model) -> Result<Self, Failed> {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("calls-of-{model}"));
        let strace = ["strace", "-D", "-f", "-ttt", "-s", "0", "-o"].map(OsString::from);
        let server = our_command(model, env!("CARGO_BIN_EXE_conformance").as_ref());
        let command: Vec<OsString> =
            strace.into_iter().chain([path.clone().into()]).chain(server).collect();
        Ok(Self { server: ServerProcess::start_on(&command, 0)?, path })
    }

    /// Ends the server, and reads its record.
    pub(crate) fn end(self) -> Result<Record, Failed> {
        self.server.terminate();
        let status = self.server.wait(END_WITHIN).ok_or("it does not end at SIGTERM")?;
        // Strace holds the server's outputs open until its record is complete.
        let log = self.server.last_log(END_WITHIN).ok_or("strace does not end with the server")?;
        if !status.success() {
            return Err(
                format!("exit status 0 expected, got {status}; its log ends:\n{log}").into()
            );
        }
        let record = Record(fs::read_to_string(&self.path)?);
        fs::remove_file(&self.path)?;
        Ok(record)
    }
}

impl Record {
    /// The calls in this range of time.
    pub(crate) fn calls(&self, time: &Range<SystemTime>) -> Calls {
        let mut calls = Calls::new();
        for (_, name) in self.0.lines().filter_map(call).filter(|(at, _)| time.contains(at)) {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
        calls
    }
}

/// The time and name of a call. A line has a thread, a time and a call; `None` for the second line
/// of a call that a line of another thread interrupted.
fn call(line: &str) -> Option<(SystemTime, &str)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let at = Duration::try_from_secs_f64(words.next()?.parse().ok()?).ok()?;
    let (name, _) = words.next()?.split_once('(')?;
    Some((UNIX_EPOCH + at, name))
}

const END_WITHIN: Duration = Duration::from_secs(20);
