//! A server under test as a child process: started, awaited, signalled, never left behind.

mod group;
mod launch;
mod log;

use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{io, iter};

use rustix::process::Signal;
use thiserror::Error;

pub use self::group::kill_all;
use self::group::{Group, enlist};
use self::launch::{as_user, free_ports, holds_port, says_in_use, spawn, watch_output};
use self::log::Log;
use crate::model::Model;

/// A running server, the leader of its own process group. Dropping it kills the whole group and
/// waits until its leader is gone.
#[derive(Debug)]
pub struct ServerProcess {
    addr: SocketAddr,
    user: User,
    group: Arc<Group>,
    log: Arc<Log>,
}

/// For whom a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum User {
    /// Whoever runs the suite.
    Same,
    /// A user that the system's limits bind.
    Nobody,
}

/// Why a server did not come up.
#[derive(Debug, Error)]
pub enum StartError {
    /// There is no program to start.
    #[error("the command is empty")]
    Empty,
    /// The program could not be started.
    #[error("{program} cannot be started: {source}")]
    Spawn {
        /// Its name or path.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It ended before it was ready.
    #[error("the server ended before it was ready ({status}){}", words(log))]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// The end of its standard error.
        log: String,
    },
    /// It lives, but neither printed the ready line nor accepted a connection.
    #[error("the server was not ready within {} s{}", READY_WITHIN.as_secs(), words(log))]
    NotReady {
        /// The end of its standard error.
        log: String,
    },
    /// No port could be bound for it.
    #[error("no free port was found for the server")]
    NoPort,
}

impl ServerProcess {
    /// Starts program and arguments and waits until clients can connect.
    ///
    /// `{port}` in an argument is replaced by a free port, and the server is ready when it says so or
    /// accepts a connection. Without `{port}` it has to print `listening on ADDR`.
    ///
    /// # Errors
    ///
    /// The command is empty, cannot be started, ends at once, or is not ready in time.
    pub fn start(command: &[OsString]) -> Result<Self, StartError> {
        if !command.iter().any(|argument| holds_port(argument)) {
            return Self::start_on(command, 0);
        }
        // Somebody else may take the port between the choice and the start: then another is tried.
        let mut outcome = Err(StartError::NoPort);
        for port in free_ports().take(PORTS_TRIED) {
            outcome = Self::start_on(command, port);
            if !matches!(&outcome, Err(StartError::Ended { log, .. }) if says_in_use(log)) {
                break;
            }
        }
        outcome
    }

    /// As [`start`](Self::start), on this port; with port 0 the ready line is waited for.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_on(command: &[OsString], port: u16) -> Result<Self, StartError> {
        Self::start_as(User::Same, command, port)
    }

    /// As [`start_on`](Self::start_on), for this user.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); or the program may not run as that user.
    pub fn start_as(user: User, command: &[OsString], port: u16) -> Result<Self, StartError> {
        let (mut server, ready) = Self::launch(user, command, port)?;
        server.addr = server.await_ready(&ready)?;
        Ok(server)
    }

    /// Starts a command on a port where another server listens: whether it comes up is not waited for.
    ///
    /// # Errors
    ///
    /// The command is empty or cannot be started.
    pub fn start_beside(command: &[OsString], port: u16) -> Result<Self, StartError> {
        Self::launch(User::Same, command, port).map(|(server, _)| server)
    }

    fn launch(
        user: User,
        command: &[OsString],
        port: u16,
    ) -> Result<(Self, Receiver<SocketAddr>), StartError> {
        let mut child = enlist(|| spawn(user, command, port))?;
        let log = Arc::new(Log::default());
        let ready = watch_output(&mut child, &log);
        let group = Group::watch(child);
        // From here on, leaving early drops the server and with it the child.
        Ok((Self { addr: (Ipv4Addr::LOCALHOST, port).into(), user, group, log }, ready))
    }

    /// Starts one of our own servers, `exe serve MODEL`, on a port that the system chooses.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn ours(model: Model, exe: &Path, flags: &[&str]) -> Result<Self, StartError> {
        let flags = flags.iter().map(OsString::from);
        let command: Vec<OsString> = our_command(model, exe).into_iter().chain(flags).collect();
        Self::start_on(&command, 0)
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id, which is also that of its group.
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// The end of what it has written to standard error so far, at most 64 KiB.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// How many bytes it has written to standard error so far.
    pub fn log_bytes(&self) -> u64 {
        self.log.written()
    }

    /// As [`log`](Self::log), of a server that has ended and so will write nothing more; `None` if
    /// somebody still holds its standard error open when `deadline` is over.
    pub fn last_log(&self, deadline: Duration) -> Option<String> {
        self.log.wait_for_end(deadline).then(|| self.log())
    }

    /// Sets how many of a resource, `nofile` or `nproc`, it may hold from now on. That is left to the tool
    /// `prlimit`, which can be run as the server's user: another one may not be allowed to.
    ///
    /// # Errors
    ///
    /// There is no such tool, or the system does not allow it.
    pub fn limit(&self, resource: &str, most: u64) -> io::Result<()> {
        let mut tool = as_user(self.user, "prlimit");
        tool.arg(format!("--pid={}", self.id())).arg(format!("--{resource}={most}:"));
        let output = tool.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(io::Error::other(said.trim())) }
    }

    /// Asks it to end (SIGTERM); nothing happens if it has ended already.
    pub fn terminate(&self) {
        self.group.signal_leader(Signal::TERM);
    }

    /// Its exit status, as soon as it has ended; `None` if that takes longer than `deadline`.
    pub fn wait(&self, deadline: Duration) -> Option<ExitStatus> {
        self.group.wait(deadline)
    }

    fn await_ready(&self, ready: &Receiver<SocketAddr>) -> Result<SocketAddr, StartError> {
        let start = Instant::now();
        while start.elapsed() < READY_WITHIN {
            match ready.recv_timeout(CONNECT_PACE) {
                Ok(addr) => return Ok(reachable(addr)),
                // Both outputs are closed: the end, which follows, is what to wait for.
                Err(RecvTimeoutError::Disconnected) => drop(self.wait(CONNECT_PACE)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = self.wait(Duration::ZERO) {
                // What it said last may still be on its way through the pipe.
                while ready.recv_timeout(LAST_WORDS_WITHIN).is_ok() {}
                return Err(StartError::Ended { status, log: self.log() });
            }
            if self.addr.port() != 0 && TcpStream::connect(self.addr).is_ok() {
                return Ok(self.addr);
            }
        }
        Err(StartError::NotReady { log: self.log() })
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.group.end();
    }
}

/// The command that starts one of our servers on `{port}` of the loopback address.
pub fn our_command(model: Model, exe: &Path) -> Vec<OsString> {
    let arguments = ["serve", model.name(), "--listen", "127.0.0.1:{port}"];
    iter::once(exe.into()).chain(arguments.map(OsString::from)).collect()
}

/// Where a server that listens on every address is met: on this machine, by loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let everywhere = addr.ip().is_unspecified() && addr.is_ipv4();
    if everywhere { (Ipv4Addr::LOCALHOST, addr.port()).into() } else { addr }
}

/// What a server said before it failed, as the end of a sentence.
fn words(log: &str) -> String {
    if log.is_empty() { String::new() } else { format!("; it said:\n{}", log.trim_end()) }
}

const PORTS_TRIED: usize = 5;
/// A Python interpreter takes a second to start on a busy machine; this is ten times that.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// Between two attempts to connect to a server that prints no ready line.
const CONNECT_PACE: Duration = Duration::from_millis(10);
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn shell(script: &str) -> Vec<OsString> {
        ["sh", "-c", script, "sh", "{port}"].map(OsString::from).to_vec()
    }

    #[test]
    fn the_ready_line_gives_the_address() {
        let command = shell("echo listening on 127.0.0.1:$1; exec sleep 60");
        let server = ServerProcess::start_on(&command, 4242).unwrap();
        assert_eq!("127.0.0.1:4242".parse(), Ok(server.addr()));
        server.terminate();
        assert!(server.wait(READY_WITHIN).is_some());
    }

    #[test]
    fn an_early_end_shows_what_the_server_said() {
        let outcome = ServerProcess::start(&shell("echo no such option >&2; exit 7"));
        let Err(StartError::Ended { status, log }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((Some(7), "no such option\n"), (status.code(), log.as_str()));
    }

    #[test]
    fn dropping_ends_the_children_of_the_server_too() {
        let fifo = std::env::temp_dir().join(format!("conformance-{}", std::process::id()));
        let path = fifo.to_str().unwrap();
        let script =
            format!("mkfifo {path}; sleep 60 > {path} & echo listening on 127.0.0.1:1; wait");
        let server = ServerProcess::start_on(&shell(&script), 1).unwrap();
        // Opening it waits for the child; the end of what is read is the child's end.
        let mut life = std::fs::File::open(&fifo).unwrap();
        std::fs::remove_file(&fifo).unwrap();
        let (tell, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || tell.send(life.read_to_end(&mut Vec::new())));
        drop(server);
        let lived = ended.recv_timeout(READY_WITHIN).expect("the child is ended as well");
        assert_eq!(0, lived.unwrap());
    }
}
