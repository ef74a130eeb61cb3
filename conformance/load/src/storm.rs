//! Storm: clients that all connect at the same time, and how long it takes until the last of them
//! receives a message.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Interest, Token};

use super::connect::{ReceiveBuffer, connect_nonblocking};
use super::crowd::{Crowd, Shape};
use super::error::LoadError;
use super::stream::MESSAGE_BYTES_MIN;
use crate::measure::Network;
use crate::wire::Dialect;

/// A crowd whose listeners connect all at once, to a room with one speaker.
#[derive(Debug)]
pub struct Storm {
    crowd: Crowd,
    clients: usize,
    /// By client, in the order of their connects: whether its hello was sent.
    greeted: Vec<bool>,
    start: Instant,
}

/// How long a storm took. The times count from before the first connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StormTimes {
    /// Until every connection was established.
    pub connected: Duration,
    /// Until all clients had received a message of the speaker, which sends one after each eighth
    /// of the time so far.
    pub joined: Duration,
    /// First packets of a connection that were sent again in this time, by any process in this
    /// network namespace; `None` if the system does not report them.
    pub syn_retries: Option<u64>,
}

impl Storm {
    /// Connects `clients` clients without waiting for one after the other. Each joins and waits for
    /// a message.
    ///
    /// # Errors
    ///
    /// A connection is refused or closed, not all have joined in a minute, or a client receives
    /// something wrong.
    pub fn run(
        addr: SocketAddr,
        clients: usize,
        dialect: Dialect,
    ) -> Result<StormTimes, LoadError> {
        let shape = Shape { dialect, ..Shape::chat(1, 0, MESSAGE_BYTES_MIN) };
        let crowd = Crowd::join(addr, &shape)?;
        let before = Network::read();
        let start = Instant::now();
        let mut storm = Self { crowd, clients, greeted: vec![false; clients], start };
        for _ in 0..clients {
            storm.connect(addr)?;
        }
        storm.greet_all(dialect)?;
        let connected = start.elapsed();
        storm.await_all()?;
        let joined = start.elapsed();
        let again = Network::read().zip(before).map(|(after, before)| after.since(before));
        // Messages that are still in flight are checked too.
        storm.crowd.settle()?;
        Ok(StormTimes { connected, joined, syn_retries: again.map(|again| again.syn_retries) })
    }

    /// Starts to connect one more client.
    fn connect(&mut self, addr: SocketAddr) -> Result<(), LoadError> {
        let (member, client) = (self.crowd.table.members.len(), self.crowd.listeners());
        let failed = || LoadError::io(format!("connecting client {client} to {addr}"));
        let stream = connect_nonblocking(addr, ReceiveBuffer::Default).map_err(failed())?;
        let mut stream = TcpStream::from_std(stream);
        let registry = self.crowd.poll.registry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, Token(member), interest).map_err(failed())?;
        self.crowd.table.add(stream);
        Ok(())
    }

    /// Sends each client's hello as soon as its connection is established.
    fn greet_all(&mut self, dialect: Dialect) -> Result<(), LoadError> {
        let mut missing = self.clients;
        while missing > 0 {
            let left = self.left()?;
            self.crowd.wait(left)?;
            for event in &self.crowd.events {
                let client = event.token().0.checked_sub(self.crowd.table.speakers());
                // A refused connection is reported as writable too, and the write fails.
                if let Some(client) = client.filter(|_| event.is_writable())
                    && !self.greeted[client]
                {
                    let stream = &mut self.crowd.table.members[event.token().0].stream;
                    let name = format!("storm-{}-{client:05}", self.crowd.number);
                    let failed = LoadError::io(format!("joining as {name}"));
                    greet(stream, &dialect.hello(&name, false)).map_err(failed)?;
                    self.greeted[client] = true;
                    missing -= 1;
                }
                self.crowd.table.handle_event(event)?;
            }
        }
        Ok(())
    }

    /// Repeats the speaker's token until all clients have received one.
    fn await_all(&mut self) -> Result<(), LoadError> {
        while self.crowd.table.lag().is_none() {
            self.left()?;
            self.crowd.table.send(1)?;
            self.crowd.await_token((self.start.elapsed() / 8).max(PAUSE_MIN))?;
        }
        Ok(())
    }

    /// What is left of the time that a storm may take.
    fn left(&self) -> Result<Duration, LoadError> {
        let left = STORM_WITHIN.checked_sub(self.start.elapsed());
        left.ok_or_else(|| self.crowd.stalled_for(STORM_WITHIN))
    }
}

/// Sends the hello in one write: a new connection has room for it.
fn greet(stream: &mut TcpStream, hello: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match stream.write(hello)? {
        taken if taken == hello.len() => Ok(()),
        _ => Err(ErrorKind::WriteZero.into()),
    }
}

/// When a backlog overflows, the kernel repeats the handshake after 1, 3, 7, 15 and 31 s.
const STORM_WITHIN: Duration = Duration::from_mins(1);
const PAUSE_MIN: Duration = Duration::from_millis(2);
