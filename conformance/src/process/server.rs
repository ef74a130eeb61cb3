//! Server: a server under test as a child process, which ends with the test.

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::{ChildStdin, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::conventions::Conventions;
use super::error::{READY_WITHIN, StartError};
use super::group::{Group, register};
use super::launch::{
    ReadyLine, as_user, free_ports, has_port_placeholder, reports_port_in_use, spawn, watch_output,
};
use super::log::Log;

/// A running server, the leader of its own process group. Dropping it kills the group and waits
/// until the leader has ended.
#[derive(Debug)]
pub struct ServerProcess {
    addr: SocketAddr,
    group: Arc<Group>,
    conventions: Conventions,
    log: Arc<Log>,
    /// Held open, so that no server sees EOF on its standard input.
    input: Option<ChildStdin>,
}

impl ServerProcess {
    /// Starts a program with its arguments, and waits until clients can connect.
    ///
    /// A free port replaces `{port}` in the arguments. The server is ready when it prints its ready
    /// line or accepts a connection. A command without `{port}` must print `listening on
    /// ADDRESS:PORT`.
    ///
    /// # Errors
    ///
    /// The command is empty, cannot be started, ends at once, or is not ready within ten seconds.
    pub fn start(command: &[OsString]) -> Result<Self, StartError> {
        Self::start_as(command, &Conventions::default())
    }

    /// As [`start`](Self::start), for a server with its own conventions.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_as(command: &[OsString], conventions: &Conventions) -> Result<Self, StartError> {
        if !command.iter().any(|argument| has_port_placeholder(argument)) {
            return Self::start_on_as(command, 0, conventions);
        }
        // Another program may take the port between the choice and the start; then another port is
        // tried.
        let mut outcome = Err(StartError::NoPort);
        for port in free_ports().take(PORTS_TRIED) {
            outcome = Self::start_on_as(command, port, conventions);
            if !matches!(&outcome, Err(StartError::Ended { log, .. }) if reports_port_in_use(log)) {
                break;
            }
        }
        outcome
    }

    /// As [`start`](Self::start), on this port. With port 0, only the ready line shows that it is
    /// ready.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_on(command: &[OsString], port: u16) -> Result<Self, StartError> {
        Self::start_on_as(command, port, &Conventions::default())
    }

    /// As [`start_on`](Self::start_on), for a server with its own conventions.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start), or the program cannot run as the user in `conventions`.
    pub fn start_on_as(
        command: &[OsString],
        port: u16,
        conventions: &Conventions,
    ) -> Result<Self, StartError> {
        let (mut server, ready) = Self::launch(command, port, conventions)?;
        server.addr = server.await_ready(&ready)?;
        Ok(server)
    }

    /// Starts a command on a port on which another server listens, and does not wait until it is
    /// ready.
    ///
    /// # Errors
    ///
    /// The command is empty or cannot be started.
    pub fn start_beside(
        command: &[OsString],
        port: u16,
        conventions: &Conventions,
    ) -> Result<Self, StartError> {
        Self::launch(command, port, conventions).map(|(server, _)| server)
    }

    fn launch(
        command: &[OsString],
        port: u16,
        conventions: &Conventions,
    ) -> Result<(Self, Receiver<SocketAddr>), StartError> {
        let mut child = register(|| spawn(conventions.user, command, port))?;
        let log = Arc::new(Log::default());
        let ready_line = ReadyLine { text: conventions.ready.clone(), port };
        let ready = watch_output(&mut child, &log, ready_line);
        let input = child.stdin.take();
        let group = Group::watch(child);
        // From here on, an early return drops the server, which kills the child.
        let addr = (Ipv4Addr::LOCALHOST, port).into();
        Ok((Self { addr, group, conventions: conventions.clone(), log, input }, ready))
    }

    /// The address on which it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id, which is also the id of its group.
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// The last 64 KiB that it has written to its two outputs so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// The number of bytes that it has written to its two outputs so far.
    pub fn log_bytes(&self) -> u64 {
        self.log.written()
    }

    /// As [`log`](Self::log), for a server that has ended: waits for the EOF of both outputs.
    /// `None` if another process still holds one of them open after `deadline`.
    pub fn last_log(&self, deadline: Duration) -> Option<String> {
        self.log.wait_for_eof(deadline).then(|| self.log())
    }

    /// Sets the limit of a resource, `nofile` or `nproc`, for the running server. The tool
    /// `prlimit` does it, because it can run as the server's user, and the suite's own user may
    /// lack the right.
    ///
    /// # Errors
    ///
    /// `prlimit` is not installed, or the system does not allow it.
    pub fn limit(&self, resource: &str, most: u64) -> io::Result<()> {
        let mut tool = as_user(self.conventions.user, "prlimit");
        tool.arg(format!("--pid={}", self.id())).arg(format!("--{resource}={most}:"));
        let output = tool.stdin(Stdio::null()).output()?;
        let reason = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(io::Error::other(reason.trim())) }
    }

    /// Asks it for a graceful shutdown, with SIGTERM or the signal of its conventions. Does nothing
    /// if it has ended.
    pub fn terminate(&self) {
        self.group.signal_leader(self.conventions.end_signal);
    }

    /// Writes to its standard input.
    ///
    /// # Errors
    ///
    /// It has closed its standard input, or has ended.
    pub fn type_in(&self, text: &str) -> io::Result<()> {
        let mut input = self.input.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(text.as_bytes())
    }

    /// Waits until it has ended, and returns its exit status; `None` after `deadline`.
    pub fn wait(&self, deadline: Duration) -> Option<ExitStatus> {
        self.group.wait(deadline)
    }

    fn await_ready(&self, ready: &Receiver<SocketAddr>) -> Result<SocketAddr, StartError> {
        let start = Instant::now();
        while start.elapsed() < READY_WITHIN {
            match ready.recv_timeout(CONNECT_INTERVAL) {
                Ok(addr) => return Ok(reachable(addr)),
                // Both outputs are closed, so it is about to end.
                Err(RecvTimeoutError::Disconnected) => drop(self.wait(CONNECT_INTERVAL)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = self.wait(Duration::ZERO) {
                // Its last output may still be in the pipe.
                while ready.recv_timeout(LAST_OUTPUT_WITHIN).is_ok() {}
                return Err(StartError::Ended { status, log: self.log() });
            }
            let may_connect = self.addr.port() != 0 && self.conventions.ready.is_none();
            if may_connect && TcpStream::connect(self.addr).is_ok() {
                return Ok(self.addr);
            }
        }
        Err(StartError::NotReady { log: self.log() })
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// The address to connect to: 127.0.0.1 for a server that listens on all addresses.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let is_any = addr.ip().is_unspecified() && addr.is_ipv4();
    if is_any { (Ipv4Addr::LOCALHOST, addr.port()).into() } else { addr }
}

const PORTS_TRIED: usize = 5;
/// Time between two attempts to connect to a server that prints no ready line.
const CONNECT_INTERVAL: Duration = Duration::from_millis(10);
const LAST_OUTPUT_WITHIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
