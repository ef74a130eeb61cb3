//! Storm: clients that all connect at once, and how long it takes until the last of them hears the room.

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

/// A crowd that comes all at once, into a room where one speaks.
#[derive(Debug)]
pub struct Storm {
    crowd: Crowd,
    clients: usize,
    /// Who has said the name, in the order in which they began to connect.
    greeted: Vec<bool>,
    start: Instant,
}

/// How a storm went. The times count from when the first one began to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StormTimes {
    /// Until every connection stood.
    pub connected: Duration,
    /// Until everybody had heard the speaker, who repeats himself at pauses of an eighth of the time so far.
    pub joined: Duration,
    /// First packets of a connection that had to be sent again, by anybody in this network namespace
    /// meanwhile; `None` if the system does not tell.
    pub syn_retries: Option<u64>,
}

impl Storm {
    /// Has so many clients connect without waiting for each other, join, and listen for a token.
    ///
    /// # Errors
    ///
    /// One is refused or cut off, or not all have joined in a minute, or somebody hears something wrong.
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
            storm.rush(addr)?;
        }
        storm.greet_all(dialect)?;
        let connected = start.elapsed();
        storm.await_all()?;
        let joined = start.elapsed();
        let again = Network::read().zip(before).map(|(after, before)| after.since(before));
        // What is still on its way is checked too.
        storm.crowd.settle()?;
        Ok(StormTimes { connected, joined, syn_retries: again.map(|again| again.syn_retries) })
    }

    /// Begins to connect one more.
    fn rush(&mut self, addr: SocketAddr) -> Result<(), LoadError> {
        let (member, client) = (self.crowd.table.members.len(), self.crowd.listeners());
        let failed = || LoadError::io(format!("connecting client {client} to {addr}"));
        let mut stream = TcpStream::from_std(
            connect_nonblocking(addr, ReceiveBuffer::Default).map_err(failed())?,
        );
        let registry = self.crowd.poll.registry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut stream, Token(member), interest).map_err(failed())?;
        self.crowd.table.seat(stream);
        Ok(())
    }

    /// Has everybody say the name as soon as the connection stands.
    fn greet_all(&mut self, dialect: Dialect) -> Result<(), LoadError> {
        let mut missing = self.clients;
        while missing > 0 {
            let left = self.left()?;
            self.crowd.wait(left)?;
            for event in &self.crowd.events {
                let client = event.token().0.checked_sub(self.crowd.table.speakers());
                // Whoever is refused can be written to as well, and says so then.
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
                self.crowd.table.attend(event)?;
            }
        }
        Ok(())
    }

    /// Has the speaker repeat a token until everybody has heard one.
    fn await_all(&mut self) -> Result<(), LoadError> {
        while self.crowd.table.lag().is_none() {
            self.left()?;
            self.crowd.table.say(1)?;
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

/// Says the name in one piece: a connection that has just been made has room for it.
fn greet(stream: &mut TcpStream, hello: &[u8]) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match stream.write(hello)? {
        taken if taken == hello.len() => Ok(()),
        _ => Err(ErrorKind::WriteZero.into()),
    }
}

/// Several repeated handshakes of an overflowing backlog: they come after 1, 3, 7, 15 and 31 s.
const STORM_WITHIN: Duration = Duration::from_mins(1);
const PAUSE_MIN: Duration = Duration::from_millis(2);
