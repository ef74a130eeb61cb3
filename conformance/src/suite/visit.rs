//! Visits: a client under test at a server that the harness plays.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use load::measure::address_space;
use protocol::Decoder;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::blame::Fault;
use super::journal::{Event, Journal};
use crate::process::{ClientEnd, ClientProcess, Stdout};
use crate::support::quote::quoted;
use crate::target::{Origin, Received, Settled, TcpWire, Wire};

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
pub struct Visits<'a> {
    client: &'a ClientCommand,
    journal: Journal,
    slack: f64,
}

impl<'a> Visits<'a> {
    /// Nobody has come yet.
    pub fn new(client: &'a ClientCommand, slack: f64) -> Self {
        Self { client, journal: Journal::begin(), slack }
    }

    /// What was sent to the client, and what it left behind.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Starts a client and takes its name.
    ///
    /// # Errors
    ///
    /// It cannot be started, or does not come and say its name: nothing is known about it then.
    pub fn begin(&self, stdout: Stdout) -> Result<Visit, Fault> {
        let harness = |error: io::Error| Fault::Harness(format!("no client can come: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(harness)?;
        let port = listener.local_addr().map_err(harness)?.port();
        let process = ClientProcess::start(&self.client.command, port, stdout)
            .map_err(|error| Fault::Harness(error.to_string()))?;
        let start = Instant::now();
        let (wire, peer) = loop {
            if let Some(connection) = accept(&listener, LOOK_PACE) {
                break connection;
            }
            let told = told(&process);
            if told.is_some() || start.elapsed() > COMES_WITHIN {
                let told = told.unwrap_or_default();
                return Err(Fault::Harness(format!("the client does not connect{told}")));
            }
        };
        self.journal.note("client", Event::Connected);
        let deadline = DEADLINE.mul_f64(self.slack);
        let mut visit =
            Visit { wire, peer, process, journal: self.journal.clone(), deadline, paced: false };
        visit.take_name()?;
        Ok(visit)
    }
}

/// One client that has come and said its name.
#[derive(Debug)]
pub struct Visit {
    wire: TcpWire,
    /// The client's address.
    peer: SocketAddr,
    process: ClientProcess,
    journal: Journal,
    deadline: Duration,
    paced: bool,
}

impl Visit {
    /// Sends these bytes in one write.
    ///
    /// # Errors
    ///
    /// The client has ended the connection.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.journal.note("server", Event::Sent(bytes.into()));
        self.wire.send(bytes).map_err(|error| {
            Fault::broken(format!("the client does not take what the server sends: {error}"))
        })
    }

    /// Waits until the client has read what was sent, so that the next write is a segment of its own.
    ///
    /// # Errors
    ///
    /// It does not read.
    pub fn settle(&mut self) -> Result<(), Fault> {
        let start = Instant::now();
        self.paced |= self.wire.settle(self.deadline) == Settled::Paced;
        if start.elapsed() > self.deadline {
            return Err(Fault::broken("the client does not read what the server sends"));
        }
        Ok(())
    }

    /// Whether some cut was only likely, not seen, to reach the client as one.
    pub fn was_paced(&self) -> bool {
        self.paced
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
    pub fn close(mut self) -> Result<ClientEnd, Fault> {
        self.journal.note("server", Event::HalfClosed);
        // One that has left already is what its end will tell.
        self.wire.half_close().ok();
        self.wait("the server has ended the connection")
    }

    /// Breaks the connection off with RST, and waits for the client's end.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn reset(mut self) -> Result<ClientEnd, Fault> {
        self.journal.note("server", Event::Reset);
        self.wire.reset();
        self.wait("the server has reset the connection")
    }

    /// Waits for the client's end, which something that was sent has to bring about.
    ///
    /// # Errors
    ///
    /// It does not end.
    pub fn wait(self, after: &str) -> Result<ClientEnd, Fault> {
        let Some(left) = self.process.wait(self.deadline) else {
            return Err(Fault::broken(format!("the client goes on although {after}")));
        };
        for (who, bytes) in [("shown", &left.stdout), ("told", &left.stderr)] {
            self.journal.note(who, Event::Received(bytes[..].into()));
        }
        Ok(left)
    }

    /// Takes the client's first frame.
    fn take_name(&mut self) -> Result<(), Fault> {
        let mut frames = Decoder::new(NAME_BYTES_MAX);
        let start = Instant::now();
        while start.elapsed() < COMES_WITHIN {
            match self.wire.receive(NAME_BYTES_MAX, self.deadline) {
                Received::Bytes(bytes) => frames.feed(&bytes),
                Received::Silence => {}
                Received::Eof | Received::Reset => break,
            }
            match frames.next_frame() {
                Ok(Some(name)) => {
                    self.journal.note("client", Event::Sent(name[..].into()));
                    return Ok(());
                }
                Ok(None) => {}
                Err(error) => return Err(Fault::Harness(format!("no name comes: {error}"))),
            }
        }
        let told = told(&self.process).unwrap_or_default();
        Err(Fault::Harness(format!("the client at {} does not say its name{told}", self.peer)))
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
fn told(process: &ClientProcess) -> Option<String> {
    let left = process.wait(Duration::ZERO)?;
    let told = String::from_utf8_lossy(&left.stderr);
    Some(match told.trim_end() {
        "" => format!(" but ends ({})", left.status),
        told => format!("; it said:\n{told}"),
    })
}

#[cfg(target_os = "linux")]
fn limit_addresses(id: u32) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let limit = address_space(id).map(|now| now + ADDRESSES_MORE);
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
const COMES_WITHIN: Duration = Duration::from_secs(10);
/// Between two looks at whether it is still there.
const LOOK_PACE: Duration = Duration::from_millis(20);
/// Far longer than a client needs to end.
const DEADLINE: Duration = Duration::from_secs(5);
const NAME_BYTES_MAX: usize = 64 * 1024;
/// Less than the length that is announced, more than any client needs to say so.
const ADDRESSES_MORE: u64 = 1 << 30;
