//! A server under test as a child process: started, awaited, signalled, never left behind.

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

/// A running server, the leader of its own process group. Dropping it kills the whole group and
/// waits until its leader is gone.
#[derive(Debug)]
pub struct ServerProcess {
    addr: SocketAddr,
    group: Arc<Group>,
    conventions: Conventions,
    log: Arc<Log>,
    /// Open, so that no server takes its input to have ended.
    input: Option<ChildStdin>,
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
        Self::start_as(command, &Conventions::default())
    }

    /// As [`start`](Self::start), a server with conventions of its own.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_as(command: &[OsString], conventions: &Conventions) -> Result<Self, StartError> {
        if !command.iter().any(|argument| has_port_placeholder(argument)) {
            return Self::start_on_as(command, 0, conventions);
        }
        // Somebody else may take the port between the choice and the start: then another is tried.
        let mut outcome = Err(StartError::NoPort);
        for port in free_ports().take(PORTS_TRIED) {
            outcome = Self::start_on_as(command, port, conventions);
            if !matches!(&outcome, Err(StartError::Ended { log, .. }) if reports_port_in_use(log)) {
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
        Self::start_on_as(command, port, &Conventions::default())
    }

    /// As [`start_on`](Self::start_on), a server with conventions of its own.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); or the program may not run as the user in `conventions`.
    pub fn start_on_as(
        command: &[OsString],
        port: u16,
        conventions: &Conventions,
    ) -> Result<Self, StartError> {
        let (mut server, ready) = Self::launch(command, port, conventions)?;
        server.addr = server.await_ready(&ready)?;
        Ok(server)
    }

    /// Starts a command on a port where another server listens: whether it comes up is not waited for.
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
        // From here on, leaving early drops the server and with it the child.
        let addr = (Ipv4Addr::LOCALHOST, port).into();
        Ok((Self { addr, group, conventions: conventions.clone(), log, input }, ready))
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id, which is also that of its group.
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// The end of what it has written to its two outputs so far, at most 64 KiB.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// How many bytes it has written to its two outputs so far.
    pub fn log_bytes(&self) -> u64 {
        self.log.written()
    }

    /// As [`log`](Self::log), of a server that has ended and so will write nothing more; `None` if
    /// somebody still holds one of its outputs open when `deadline` is over.
    pub fn last_log(&self, deadline: Duration) -> Option<String> {
        self.log.wait_for_eof(deadline).then(|| self.log())
    }

    /// Sets how many of a resource, `nofile` or `nproc`, it may hold from now on. That is left to the tool
    /// `prlimit`, which can be run as the server's user: another one may not be allowed to.
    ///
    /// # Errors
    ///
    /// There is no such tool, or the system does not allow it.
    pub fn limit(&self, resource: &str, most: u64) -> io::Result<()> {
        let mut tool = as_user(self.conventions.user, "prlimit");
        tool.arg(format!("--pid={}", self.id())).arg(format!("--{resource}={most}:"));
        let output = tool.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() { Ok(()) } else { Err(io::Error::other(said.trim())) }
    }

    /// Asks it to end, by SIGTERM if it has no other habit; nothing happens if it has ended already.
    pub fn terminate(&self) {
        self.group.signal_leader(self.conventions.end_signal);
    }

    /// Types at its standard input.
    ///
    /// # Errors
    ///
    /// It has closed that, or has ended.
    pub fn type_in(&self, text: &str) -> io::Result<()> {
        let mut input = self.input.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(text.as_bytes())
    }

    /// Its exit status, as soon as it has ended; `None` if that takes longer than `deadline`.
    pub fn wait(&self, deadline: Duration) -> Option<ExitStatus> {
        self.group.wait(deadline)
    }

    fn await_ready(&self, ready: &Receiver<SocketAddr>) -> Result<SocketAddr, StartError> {
        let start = Instant::now();
        while start.elapsed() < READY_WITHIN {
            match ready.recv_timeout(CONNECT_INTERVAL) {
                Ok(addr) => return Ok(reachable(addr)),
                // Both outputs are closed: the end, which follows, is what to wait for.
                Err(RecvTimeoutError::Disconnected) => drop(self.wait(CONNECT_INTERVAL)),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if let Some(status) = self.wait(Duration::ZERO) {
                // What it said last may still be on its way through the pipe.
                while ready.recv_timeout(LAST_OUTPUT_WITHIN).is_ok() {}
                return Err(StartError::Ended { status, log: self.log() });
            }
            let may_ask = self.addr.port() != 0 && self.conventions.ready.is_none();
            if may_ask && TcpStream::connect(self.addr).is_ok() {
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

/// Where a server that listens on every address is met: on this machine, by loopback.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let everywhere = addr.ip().is_unspecified() && addr.is_ipv4();
    if everywhere { (Ipv4Addr::LOCALHOST, addr.port()).into() } else { addr }
}

const PORTS_TRIED: usize = 5;
/// Between two attempts to connect to a server that prints no ready line.
const CONNECT_INTERVAL: Duration = Duration::from_millis(10);
const LAST_OUTPUT_WITHIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
