//! Trace: counts system calls under a fixed load with strace, in a separate pass, because strace slows a server down.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, Stdio};

use load::{Crowd, Extent, FanOut, LoadError, Shape};
use rustix::process::{Pid, Signal, kill_process};
use thiserror::Error;

use super::entrant::Entrant;
use super::trial::make_streaming;
use crate::lab::result::record::Trace;
use crate::lab::result::statistics::float;
use crate::process::StartError;
use crate::support::cores::Cores;

/// Why system calls were not counted.
#[derive(Debug, Error)]
pub(crate) enum TraceError {
    #[error("its process is unknown")]
    NoProcess,
    #[error("strace cannot be run ({0}); install it to count system calls")]
    NoTool(std::io::Error),
    #[error("strace does not count: {0}")]
    Rejected(String),
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Load(#[from] LoadError),
}

/// Counts the system calls of an entrant with 10 senders and 100 listeners, at most 64 messages in flight.
pub(crate) fn trace(entrant: &Entrant, cores: Option<&Cores>) -> Result<Trace, TraceError> {
    let server = entrant.start(&[], cores)?;
    let id = server.id().ok_or(TraceError::NoProcess)?;
    let shape = Shape { dialect: entrant.dialect, ..Shape::chat(10, 100, 64) };
    let mut crowd = Crowd::join(server.addr(), &shape)?;
    make_streaming(&mut crowd, shape)?;
    let mut strace = Strace::attach(id)?;
    let tally = crowd.fan_out(FanOut { extent: Extent::Messages(MESSAGES), in_flight: 64 })?;
    let output = strace.end()?;
    let per_1000 = 1000.0 / float(tally.deliveries);
    let mut calls = counts(&output);
    calls.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let all: u64 = calls.iter().map(|(_, count)| count).sum();
    if all == 0 {
        return Err(TraceError::Rejected(output.trim().replace('\n', " ")));
    }
    let most = calls.into_iter().take(CALLS_SHOWN);
    Ok(Trace {
        entrant: entrant.name.clone(),
        calls: float(all) * per_1000,
        most: most.map(|(name, count)| (name, float(count) * per_1000)).collect(),
    })
}

/// A running strace; dropping this value ends it.
struct Strace {
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl Strace {
    /// Starts to count the calls of a process and all its threads.
    fn attach(id: u32) -> Result<Self, TraceError> {
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-p"]).arg(id.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(TraceError::NoTool)?;
        let stderr = child.stderr.take().expect("it was asked for as a pipe");
        let mut strace = Self { child, stderr: BufReader::new(stderr) };
        // strace prints this once it has attached to all threads.
        let mut line = String::new();
        strace.stderr.read_line(&mut line).map_err(TraceError::NoTool)?;
        if line.contains(" attached") { Ok(strace) } else { Err(TraceError::Rejected(line)) }
    }

    /// Ends the count and returns the output of strace.
    fn end(&mut self) -> Result<String, TraceError> {
        kill_process(Pid::from_child(&self.child), Signal::INT).ok();
        let mut output = String::new();
        self.stderr.read_to_string(&mut output).map_err(TraceError::NoTool)?;
        Ok(output)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // Either fails only if strace has ended already.
        kill_process(Pid::from_child(&self.child), Signal::INT).ok();
        self.child.wait().ok();
    }
}

/// The calls in the summary of strace. The columns are share of time, seconds, microseconds per call, calls, errors
/// (may be empty), and the name.
fn counts(summary: &str) -> Vec<(String, u64)> {
    let lines = summary.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let are_figures = |words: &[&str]| words.iter().all(|word| word.parse::<f64>().is_ok());
        if words.len() < 5 || !are_figures(&words[..4]) {
            return None;
        }
        Some(((*words.last()?).to_owned(), words[3].parse().ok()?))
    });
    lines.filter(|(name, _)| name != "total").collect()
}

/// A server with one call per delivery needs seconds for these under strace.
const MESSAGES: u64 = 500;
const CALLS_SHOWN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_is_read_with_and_without_errors() {
        let summary = "strace: Process 7 attached\n\
            % time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n \
            60.00    0.006000          3      2000           sendto\n \
            40.00    0.004000          2      1500       500 recvfrom\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.010000          2      3500       500 total\n";
        let expected = [("sendto".to_owned(), 2000), ("recvfrom".to_owned(), 1500)];
        assert_eq!(expected.to_vec(), counts(summary));
        assert!(counts("strace: attach: Operation not permitted\n").is_empty());
    }
}
