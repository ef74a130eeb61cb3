//! ClientFixture: a client under test at a server that the harness plays.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use load::measure::address_space;
use protocol::Decoder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::error::TestError;
use super::transcript::{Event, Transcript};
use crate::process::{ClientProcess, Left, Screen};
use crate::support::quote::quoted;
use crate::target::{Evidence, Origin, Received, TcpWire, Wire};

/// Any client that a command starts.
#[derive(Clone, Debug)]
pub struct ClientCommand {
    /// Program and arguments; `{port}` stands for the port of 127.0.0.1 that the server listens on. It has
    /// to say its name without being asked for it.
    pub command: Vec<OsString>,
    /// Who wrote it.
    pub origin: Origin,
}

impl ClientCommand {
    /// The command that runs one row again with the same seed.
    pub fn rerun(&self, id: &str, seed: u64) -> String {
        if self.origin == Origin::Ours {
            return format!("cargo test -p conformance --test client -- --exact client::{id}");
        }
        let words: Vec<String> = self.command.iter().map(quoted).collect();
        format!("conformance check --client --only {id} --seed {seed} -- {}", words.join(" "))
    }
}

/// Everything a test needs to talk to one client, as often as it likes.
#[derive(Debug)]
pub struct ClientFixture<'a> {
    client: &'a ClientCommand,
    transcript: Transcript,
    slack: f64,
}

impl<'a> ClientFixture<'a> {
    /// Nobody has come yet.
    pub fn new(client: &'a ClientCommand, slack: f64) -> Self {
        Self { client, transcript: Transcript::start(), slack }
    }

    /// What was sent to the client, and what it left behind.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Starts a client and takes its name.
    ///
    /// # Errors
    ///
    /// It cannot be started, or does not come and say its name: nothing is known about it then.
    pub fn start(&self, screen: Screen) -> Result<ClientUnderTest, TestError> {
        let harness =
            |error: io::Error| TestError::Inconclusive(format!("no client can come: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(harness)?;
        let port = listener.local_addr().map_err(harness)?.port();
        let process = ClientProcess::start(&self.client.command, port, screen)
            .map_err(|error| TestError::Inconclusive(error.to_string()))?;
        let start = Instant::now();
        let (wire, peer) = loop {
            if let Some(connection) = accept(&listener, LOOK_INTERVAL) {
                break connection;
            }
            let told = exit_report(&process);
            if told.is_some() || start.elapsed() > STARTS_WITHIN {
                let told = told.unwrap_or_default();
                return Err(TestError::Inconclusive(format!("the client does not connect{told}")));
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

/// One client that has come and said its name.
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
            TestError::broken(format!("the client does not take what the server sends: {error}"))
        })
    }

    /// Waits until the client has read what was sent, so that the next write is a segment of its own.
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

    /// Whether some cut was only likely, not seen, to reach the client as one.
    pub fn has_assumed_reads(&self) -> bool {
        self.assumed_reads
    }

    /// From here on the client gets no more than a gibibyte of addresses on top of what it has: setting
    /// memory aside for a length that nobody can mean then fails, and this machine does not suffer.
    /// Nothing happens where the system has no such limit.
    pub fn limit_memory(&self) {
        limit_addresses(self.process.id());
    }

    /// Ends the connection with FIN, and waits for the client's end.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn close(mut self) -> Result<Left, TestError> {
        self.transcript.record("server", Event::HalfClosed);
        // One that has left already is what its end will tell.
        self.wire.half_close().ok();
        self.wait("the server has ended the connection")
    }

    /// Breaks the connection off with RST, and waits for the client's end.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn reset(mut self) -> Result<Left, TestError> {
        self.transcript.record("server", Event::Reset);
        self.wire.reset();
        self.wait("the server has reset the connection")
    }

    /// Waits for the client's end, which something that was sent has to bring about.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn wait(self, after: &str) -> Result<Left, TestError> {
        let Some(left) = self.process.wait(self.deadline) else {
            return Err(TestError::broken(format!("the client goes on although {after}")));
        };
        for (who, bytes) in [("shown", &left.shown), ("told", &left.told)] {
            self.transcript.record(who, Event::Received(bytes[..].into()));
        }
        Ok(left)
    }

    /// Takes the client's first frame.
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
                    return Err(TestError::Inconclusive(format!("no name comes: {error}")));
                }
            }
        }
        let told = exit_report(&self.process).unwrap_or_default();
        Err(TestError::Inconclusive(format!(
            "the client at {} does not say its name{told}",
            self.peer
        )))
    }
}

/// The next connection, if one comes in time.
fn accept(listener: &TcpListener, within: Duration) -> Option<(TcpWire, SocketAddr)> {
    let within = Timespec::try_from(within).ok()?;
    let ready = poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&within));
    if !ready.is_ok_and(|count| count > 0) {
        return None;
    }
    let (stream, peer) = listener.accept().ok()?;
    Some((TcpWire::accepted(stream).ok()?, peer))
}

/// What a client said that has ended, as the end of a sentence.
fn exit_report(process: &ClientProcess) -> Option<String> {
    let left = process.wait(Duration::ZERO)?;
    let told = String::from_utf8_lossy(&left.told);
    Some(match told.trim_end() {
        "" => format!(" but ends ({})", left.status),
        told => format!("; it said:\n{told}"),
    })
}

#[cfg(target_os = "linux")]
fn limit_addresses(id: u32) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let limit = address_space(id).map(|now| now + EXTRA_ADDRESS_BYTES);
    let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
    if let (Some(limit), Some(pid)) = (limit, pid) {
        // One that has ended already needs no limit.
        prlimit(Some(pid), Resource::As, Rlimit { current: Some(limit), maximum: Some(limit) })
            .ok();
    }
}

#[cfg(not(target_os = "linux"))]
fn limit_addresses(_id: u32) {}

/// An interpreter takes a second to start on a busy machine; this is ten times that.
const STARTS_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at whether it is still there.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Far longer than a client needs to end.
const DEADLINE: Duration = Duration::from_secs(5);
const NAME_BYTES_MAX: usize = 64 * 1024;
/// Less than the length that is announced, more than any client needs to say so.
const EXTRA_ADDRESS_BYTES: u64 = 1 << 30;
