//! Client fixture: starts a client under test, and plays its server.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use load::measure::address_space;
use protocol::Decoder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::TestError;
use super::transcript::{Event, Transcript};
use crate::process::{ClientEnd, ClientProcess, Stdout};
use crate::support::quote::quoted;
use crate::target::{Evidence, Origin, Received, TcpWire, Wire};

/// The command that starts a client.
#[derive(Clone, Debug)]
pub struct ClientCommand {
    /// Program and arguments; `{port}` stands for the port of 127.0.0.1 on which the suite listens.
    /// The client has to send its name without asking its user for it.
    pub command: Vec<OsString>,
    /// Who wrote it.
    pub origin: Origin,
}

impl ClientCommand {
    /// The command that tests one rule again with the same seed.
    pub fn rerun(&self, id: &str, seed: u64) -> String {
        if self.origin == Origin::Ours {
            return format!("cargo test -p conformance --test client -- --exact client::{id}");
        }
        let words: Vec<String> = self.command.iter().map(quoted).collect();
        format!("conformance check --client --only {id} --seed {seed} -- {}", words.join(" "))
    }
}

/// Everything that a test needs to start a client, as often as it likes.
#[derive(Debug)]
pub struct ClientFixture<'a> {
    client: &'a ClientCommand,
    transcript: Transcript,
    slack: f64,
}

impl<'a> ClientFixture<'a> {
    /// A fixture that has started no client yet.
    pub fn new(client: &'a ClientCommand, slack: f64) -> Self {
        Self { client, transcript: Transcript::start(), slack }
    }

    /// What the suite sent to the client, and what the client printed.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Starts a client, accepts its connection, and reads its name.
    ///
    /// # Errors
    ///
    /// The client cannot be started, does not connect, or does not send its name. Nothing is known
    /// about it then.
    pub fn start(&self, stdout: Stdout) -> Result<ClientUnderTest, TestError> {
        let failed = |error: io::Error| {
            TestError::Inconclusive(format!("the suite cannot listen for the client: {error}"))
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let process = ClientProcess::start(&self.client.command, port, stdout)
            .map_err(|error| TestError::Inconclusive(error.to_string()))?;
        let start = Instant::now();
        let (wire, peer) = loop {
            if let Some(connection) = accept(&listener, LOOK_INTERVAL) {
                break connection;
            }
            let exit = exit_report(&process);
            if exit.is_some() || start.elapsed() > STARTS_WITHIN {
                let exit = exit.unwrap_or_default();
                return Err(TestError::Inconclusive(format!("the client does not connect{exit}")));
            }
        };
        self.transcript.record("client", Event::Connected);
        let deadline = DEADLINE.mul_f64(self.slack);
        let mut client = ClientUnderTest {
            wire,
            peer,
            process,
            transcript: self.transcript.clone(),
            deadline,
            assumed_reads: false,
        };
        client.take_name()?;
        Ok(client)
    }
}

/// One client that has connected and sent its name.
#[derive(Debug)]
pub struct ClientUnderTest {
    wire: TcpWire,
    /// The client's address.
    peer: SocketAddr,
    process: ClientProcess,
    transcript: Transcript,
    deadline: Duration,
    assumed_reads: bool,
}

impl ClientUnderTest {
    /// Sends these bytes in one write.
    ///
    /// # Errors
    ///
    /// The client has ended the connection.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), TestError> {
        self.transcript.record("server", Event::Sent(bytes.into()));
        self.wire.send(bytes).map_err(|error| {
            TestError::broken(format!("the client did not accept what the server sent: {error}"))
        })
    }

    /// Waits until the client has read everything sent, so that the next write arrives as a piece
    /// of its own.
    ///
    /// # Errors
    ///
    /// It does not read.
    pub fn await_read(&mut self) -> Result<(), TestError> {
        let start = Instant::now();
        self.assumed_reads |= self.wire.await_read(self.deadline) == Evidence::Assumed;
        if start.elapsed() > self.deadline {
            return Err(TestError::broken("the client does not read what the server sends"));
        }
        Ok(())
    }

    /// Whether the suite once had to assume that the client had read everything before the next
    /// write.
    pub fn has_assumed_reads(&self) -> bool {
        self.assumed_reads
    }

    /// Limits the client's address space to 1 GiB more than it has now. A client that allocates the
    /// length in a header then fails, and this machine does not run out of memory. Does nothing on
    /// systems other than Linux.
    pub fn limit_memory(&self) {
        limit_addresses(self.process.id());
    }

    /// Ends the connection with FIN, and waits for the end of the client's process.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn close(mut self) -> Result<ClientEnd, TestError> {
        self.transcript.record("server", Event::HalfClosed);
        // It fails if the client has already ended the connection; its exit shows why.
        self.wire.half_close().ok();
        self.wait("the server has ended the connection")
    }

    /// Ends the connection with RST, and waits for the end of the client's process.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn reset(mut self) -> Result<ClientEnd, TestError> {
        self.transcript.record("server", Event::Reset);
        self.wire.reset();
        self.wait("the server has reset the connection")
    }

    /// Waits for the end of the client's process. `after` says what should have caused it.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn wait(self, after: &str) -> Result<ClientEnd, TestError> {
        let Some(left) = self.process.wait(self.deadline) else {
            return Err(TestError::broken(format!("the client did not exit although {after}")));
        };
        for (who, bytes) in [("stdout", &left.stdout), ("stderr", &left.stderr)] {
            self.transcript.record(who, Event::Received(bytes[..].into()));
        }
        Ok(left)
    }

    /// Reads the client's first frame.
    fn take_name(&mut self) -> Result<(), TestError> {
        let mut frames = Decoder::new(NAME_BYTES_MAX);
        let start = Instant::now();
        while start.elapsed() < STARTS_WITHIN {
            match self.wire.receive(NAME_BYTES_MAX, self.deadline) {
                Received::Bytes(bytes) => frames.feed(&bytes),
                Received::Silence => {}
                Received::Eof | Received::Reset => break,
            }
            match frames.next_frame() {
                Ok(Some(name)) => {
                    self.transcript.record("client", Event::Sent(name[..].into()));
                    return Ok(());
                }
                Ok(None) => {}
                Err(error) => {
                    return Err(TestError::Inconclusive(format!(
                        "the client sends no valid name: {error}"
                    )));
                }
            }
        }
        let exit = exit_report(&self.process).unwrap_or_default();
        Err(TestError::Inconclusive(format!(
            "the client at {} does not send its name{exit}",
            self.peer
        )))
    }
}

/// The next connection, if there is one in time.
fn accept(listener: &TcpListener, within: Duration) -> Option<(TcpWire, SocketAddr)> {
    let within = Timespec::try_from(within).ok()?;
    let ready = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&within));
    if !ready.is_ok_and(|count| count > 0) {
        return None;
    }
    let (stream, peer) = listener.accept().ok()?;
    Some((TcpWire::accepted(stream).ok()?, peer))
}

/// The exit of a client and what it printed, as the end of a sentence; `None` if it still runs.
fn exit_report(process: &ClientProcess) -> Option<String> {
    let left = process.wait(Duration::ZERO)?;
    let printed = String::from_utf8_lossy(&left.stderr);
    Some(match printed.trim_end() {
        "" => format!(" but exits ({})", left.status),
        printed => format!("; it printed:\n{printed}"),
    })
}

#[cfg(target_os = "linux")]
fn limit_addresses(id: u32) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let limit = address_space(id).map(|now| now + EXTRA_ADDRESS_BYTES);
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    if let (Some(limit), Some(pid)) = (limit, pid) {
        // It fails if the client has already ended, which then needs no limit.
        prlimit(Some(pid), Resource::As, Rlimit { current: Some(limit), maximum: Some(limit) })
            .ok();
    }
}

#[cfg(not(target_os = "linux"))]
fn limit_addresses(_id: u32) {}

/// Ten times as long as an interpreter takes to start on a busy machine.
const STARTS_WITHIN: Duration = Duration::from_secs(10);
/// Time between two checks whether the client still runs.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Far longer than a client needs to exit.
const DEADLINE: Duration = Duration::from_secs(5);
const NAME_BYTES_MAX: usize = 64 * 1024;
/// Less than the announced length, and more than any client needs to print an error.
const EXTRA_ADDRESS_BYTES: u64 = 1 << 30;
