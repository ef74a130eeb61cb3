//! Crowd: up to ten thousand clients on one thread, driven by readiness.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::connect::{Role, connect, fresh_number};
use super::error::LoadError;
use super::outbox::Outbox;
use super::roster::Roster;
use super::stream::{MESSAGE_BYTES_MIN, SPEAKERS_MAX};
use super::table::ConnectionTable;
use super::timer::TIMER;
use crate::wire::Dialect;

/// How many clients a crowd has, and the size of their messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Clients that send. In the chat they also receive each other's messages.
    pub speakers: usize,
    /// Clients that only receive.
    pub listeners: usize,
    /// Bytes of every message, at least [`MESSAGE_BYTES_MIN`].
    pub size: usize,
    /// The protocol that the server speaks.
    pub dialect: Dialect,
}

impl Shape {
    /// A crowd that speaks the chat protocol.
    pub const fn chat(speakers: usize, listeners: usize, size: usize) -> Self {
        Self { speakers, listeners, size, dialect: Dialect::Chat }
    }
}

/// Honest clients of one server, all joined. Every message sent from here on must reach every one
/// of them.
///
/// There are two kinds of method. [`join`](Self::join) and [`add_listeners`](Self::add_listeners)
/// connect clients. [`fan_out`](Self::fan_out), [`open_loop`](Self::open_loop) and
/// [`ping_pong`](Self::ping_pong) put load on the server, and return when every message has been
/// received by all. After an error a crowd is of no more use.
#[derive(Debug)]
pub struct Crowd {
    pub(super) table: ConnectionTable,
    pub(super) poll: Poll,
    pub(super) events: Events,
    addr: SocketAddr,
    pub(super) number: u32,
    pub(super) stall: Duration,
}

/// The speakers of a crowd, for a caller that goes on with them in another way.
#[derive(Debug)]
pub struct Speakers {
    /// Reports which connection is ready. The tokens are places in `connections`.
    pub poll: Poll,
    /// The names, in the order of `connections`, which is also alphabetical.
    pub names: Vec<String>,
    /// Every speaker's connection and outbox.
    pub connections: Vec<(TcpStream, Outbox)>,
}

impl Crowd {
    /// Connects all clients and waits until each has received a message of every speaker.
    ///
    /// # Errors
    ///
    /// A connection fails, or the server loses or alters something already now.
    ///
    /// # Panics
    ///
    /// There is no speaker, there are more than [`SPEAKERS_MAX`], or the messages are too small.
    pub fn join(addr: SocketAddr, shape: &Shape) -> Result<Self, LoadError> {
        assert!((1..=SPEAKERS_MAX).contains(&shape.speakers), "{} speakers", shape.speakers);
        assert!(shape.size >= MESSAGE_BYTES_MIN, "messages of {} bytes", shape.size);
        let number = fresh_number();
        // Names of one length make pairs of one length.
        let digits = (shape.speakers - 1).checked_ilog10().unwrap_or(0) as usize + 1;
        let name = |speaker| format!("speaker-{number}-{speaker:0digits$}");
        let names = (0..shape.speakers).map(name);
        let poll = Poll::new().map_err(LoadError::io("creating a poll"))?;
        let Shape { size, dialect, .. } = *shape;
        let table = ConnectionTable::new(Roster { names: names.collect(), size, dialect });
        let events = Events::with_capacity(EVENTS_PER_TURN);
        let mut crowd = Self { table, poll, events, addr, number, stall: STALL };
        for speaker in 0..shape.speakers {
            crowd.connect(&crowd.table.roster.names[speaker].clone())?;
        }
        crowd.await_tokens()?;
        crowd.add_listeners(shape.listeners)?;
        Ok(crowd)
    }

    /// Connects more listeners and waits until each has received a message of every speaker.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn add_listeners(&mut self, count: usize) -> Result<(), LoadError> {
        let goal = self.listeners() + count;
        while self.listeners() < goal {
            // One batch at a time, so that no backlog overflows. The batches grow, because the
            // tokens of each batch are delivered to all members.
            let batch = (self.listeners() / 2).clamp(BATCH_MIN, BATCH_MAX);
            for listener in self.listeners()..goal.min(self.listeners() + batch) {
                self.connect(&format!("listener-{}-{listener:05}", self.number))?;
            }
            self.await_tokens()?;
        }
        Ok(())
    }

    /// Sets how long nothing may arrive before the load ends with [`LoadError::Stalled`]; 10 s at
    /// first.
    #[must_use]
    pub fn with_stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Returns the speakers, which have received everything sent so far. The listeners' connections
    /// are closed.
    pub fn into_speakers(self) -> Speakers {
        let (names, connections) = self.table.into_speakers();
        Speakers { poll: self.poll, names, connections }
    }

    /// How many listeners have joined.
    pub fn listeners(&self) -> usize {
        self.table.members.len() - self.table.speakers()
    }

    /// Waits until all members have received everything that was sent.
    pub(super) fn settle(&mut self) -> Result<(), LoadError> {
        while self.table.lag() != Some(0) {
            self.turn()?;
        }
        Ok(())
    }

    /// Waits until a member is ready, and handles its event.
    pub(super) fn turn(&mut self) -> Result<(), LoadError> {
        if self.turn_within(self.stall)? { Ok(()) } else { Err(self.stalled()) }
    }

    /// The join barrier: the speakers repeat a token until all members have received one of every
    /// speaker. From then on a gap is a loss.
    fn await_tokens(&mut self) -> Result<(), LoadError> {
        let start = Instant::now();
        // Delivering a token to thousands takes a while. The pauses double, so that few tokens are
        // in flight.
        let mut pause = TOKEN_PAUSE_FIRST;
        while self.table.lag().is_none() {
            if start.elapsed() > self.stall {
                return Err(self.stalled());
            }
            self.table.send(self.table.speakers() as u64)?;
            self.await_token(pause)?;
            pause *= 2;
        }
        self.settle()?;
        self.table.follow_reference();
        Ok(())
    }

    /// Waits until all members have received a message of every speaker, or for at most this time.
    pub(super) fn await_token(&mut self, within: Duration) -> Result<(), LoadError> {
        let start = Instant::now();
        while self.table.lag().is_none()
            && let Some(left) = within.checked_sub(start.elapsed())
        {
            self.turn_within(left)?;
        }
        Ok(())
    }

    pub(super) fn stalled(&self) -> LoadError {
        self.stalled_for(self.stall)
    }

    pub(super) fn stalled_for(&self, waited: Duration) -> LoadError {
        let (member, missing) = self.table.laggard();
        LoadError::Stalled { member, missing, waited }
    }

    fn connect(&mut self, name: &str) -> Result<(), LoadError> {
        let failed = || LoadError::io(format!("joining {} as {name}", self.addr));
        let (member, speakers) = (self.table.members.len(), self.table.speakers());
        let role = if member < speakers { Role::Speaker } else { Role::Listener };
        let stream = connect(self.addr, self.table.roster.dialect, name, role).map_err(failed())?;
        stream.set_nonblocking(true).map_err(failed())?;
        let mut stream = TcpStream::from_std(stream);
        let interest = match role {
            Role::Speaker => Interest::READABLE | Interest::WRITABLE,
            Role::Listener => Interest::READABLE,
        };
        self.poll.registry().register(&mut stream, Token(member), interest).map_err(failed())?;
        self.table.add(stream);
        Ok(())
    }

    /// As [`turn`](Self::turn), for at most `within`. Returns whether any member was ready.
    pub(super) fn turn_within(&mut self, within: Duration) -> Result<bool, LoadError> {
        self.wait(within)?;
        let mut anything = false;
        for event in self.events.iter().filter(|event| event.token() != TIMER) {
            self.table.handle_event(event)?;
            anything = true;
        }
        Ok(anything)
    }

    /// Waits for events; there are none if a signal interrupts the wait.
    pub(super) fn wait(&mut self, within: Duration) -> Result<(), LoadError> {
        match self.poll.poll(&mut self.events, Some(within)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.events.clear(),
            polled => polled.map_err(LoadError::io("polling"))?,
        }
        Ok(())
    }
}

const EVENTS_PER_TURN: usize = 1024;
/// The shortest backlog in use holds 128 connections.
const BATCH_MIN: usize = 100;
const BATCH_MAX: usize = 1000;
/// Between the first two tokens of a speaker. Most servers have read a hundred names by then.
const TOKEN_PAUSE_FIRST: Duration = Duration::from_millis(2);
const STALL: Duration = Duration::from_secs(10);
