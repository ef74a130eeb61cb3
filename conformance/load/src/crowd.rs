//! Crowd: up to ten thousand clients on one thread, joined behind a barrier, driven by readiness.

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

/// How many clients a crowd has, and how much they say at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Clients that speak; in the chat they hear each other too.
    pub speakers: usize,
    /// Clients that only listen.
    pub listeners: usize,
    /// Bytes of every message, at least [`MESSAGE_BYTES_MIN`].
    pub size: usize,
    /// What the server understands.
    pub dialect: Dialect,
}

impl Shape {
    /// A crowd that speaks the chat protocol.
    pub const fn chat(speakers: usize, listeners: usize, size: usize) -> Self {
        Self { speakers, listeners, size, dialect: Dialect::Chat }
    }
}

/// Clients of one server, all joined: whatever is said from here on, every one of them has to hear.
///
/// Two kinds of method: [`join`](Self::join) and [`add_listeners`](Self::add_listeners) make it bigger;
/// [`fan_out`](Self::fan_out), [`paced`](Self::paced) and [`ping_pong`](Self::ping_pong) put load on the
/// server, and return when all that was said has been heard by all. After an error a crowd is of no
/// more use.
#[derive(Debug)]
pub struct Crowd {
    pub(super) table: ConnectionTable,
    pub(super) poll: Poll,
    pub(super) events: Events,
    addr: SocketAddr,
    pub(super) number: u32,
    pub(super) stall: Duration,
}

/// Clients that have joined and know each other, for whoever goes on with them in another way.
#[derive(Debug)]
pub struct Speakers {
    /// Tells who is ready; the tokens are places in `connections`.
    pub poll: Poll,
    /// In the order of their places, which is also that of the alphabet.
    pub names: Vec<String>,
    /// Everybody's connection and what was said over it.
    pub connections: Vec<(TcpStream, Outbox)>,
}

impl Crowd {
    /// Connects everybody and waits until each is known to hear every speaker.
    ///
    /// # Errors
    ///
    /// A connection fails, or the server loses or spoils something already now.
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
            crowd.seat(&crowd.table.roster.names[speaker].clone())?;
        }
        crowd.admit()?;
        crowd.add_listeners(shape.listeners)?;
        Ok(crowd)
    }

    /// Connects more listeners and waits until each is known to hear every speaker.
    ///
    /// # Errors
    ///
    /// As [`join`](Self::join).
    pub fn add_listeners(&mut self, count: usize) -> Result<(), LoadError> {
        let goal = self.listeners() + count;
        while self.listeners() < goal {
            // A batch at a time, so that no backlog is overrun; a growing one, because every batch
            // costs tokens that all have to hear.
            let batch = (self.listeners() / 2).clamp(BATCH_MIN, BATCH_MAX);
            for listener in self.listeners()..goal.min(self.listeners() + batch) {
                self.seat(&format!("listener-{}-{listener:05}", self.number))?;
            }
            self.admit()?;
        }
        Ok(())
    }

    /// Changes how long nothing may come before the server counts as stalled; 10 s at first.
    #[must_use]
    pub fn with_stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Hands over the speakers, who have heard all that was said so far; the listeners leave.
    pub fn into_speakers(self) -> Speakers {
        let (names, connections) = self.table.into_speakers();
        Speakers { poll: self.poll, names, connections }
    }

    /// Listeners so far.
    pub fn listeners(&self) -> usize {
        self.table.members.len() - self.table.speakers()
    }

    /// Waits until everybody has heard all that was said.
    pub(super) fn settle(&mut self) -> Result<(), LoadError> {
        while self.table.lag() != Some(0) {
            self.turn()?;
        }
        Ok(())
    }

    /// Waits for something to be ready, and does it.
    pub(super) fn turn(&mut self) -> Result<(), LoadError> {
        if self.turn_within(self.stall)? { Ok(()) } else { Err(self.stalled()) }
    }

    /// The join barrier: the speakers repeat a token until everybody has heard one of each of them.
    /// From then on a gap is a loss.
    fn admit(&mut self) -> Result<(), LoadError> {
        let start = Instant::now();
        // A token for thousands takes a while: with ever longer pauses, few are on their way.
        let mut pace = TOKEN_PACE_FIRST;
        while self.table.lag().is_none() {
            if start.elapsed() > self.stall {
                return Err(self.stalled());
            }
            self.table.say(self.table.speakers() as u64)?;
            self.await_token(pace)?;
            pace *= 2;
        }
        self.settle()?;
        self.table.follow_reference();
        Ok(())
    }

    /// Waits until everybody has heard something of every speaker, or this time is over.
    pub(super) fn await_token(&mut self, pace: Duration) -> Result<(), LoadError> {
        let start = Instant::now();
        while self.table.lag().is_none()
            && let Some(left) = pace.checked_sub(start.elapsed())
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

    fn seat(&mut self, name: &str) -> Result<(), LoadError> {
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
        self.table.seat(stream);
        Ok(())
    }

    /// As [`turn`](Self::turn), for at most `patience`; tells whether any member was ready.
    pub(super) fn turn_within(&mut self, patience: Duration) -> Result<bool, LoadError> {
        self.wait(patience)?;
        let mut anything = false;
        for event in self.events.iter().filter(|event| event.token() != TIMER) {
            self.table.attend(event)?;
            anything = true;
        }
        Ok(anything)
    }

    /// Waits for events; there are none if a signal comes.
    pub(super) fn wait(&mut self, patience: Duration) -> Result<(), LoadError> {
        match self.poll.poll(&mut self.events, Some(patience)) {
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
/// Between the first two tokens of a speaker: most servers have read a hundred names by then.
const TOKEN_PACE_FIRST: Duration = Duration::from_millis(2);
const STALL: Duration = Duration::from_secs(10);
