//! Select: one readiness loop for all clients.
//!
//! ```text
//!  who                        waits where                     for what
//!  ──────────────────────────────────────────────────────────────────────────────────────────
//!  the loop: turn             poll                            the next client: accept_loop
//!                                                             what a client says: read_loop
//!                                                             a socket that was full: deliver
//!                                                             the next deadline, the shutdown
//!                                                             what the operator types: announce
//! ```
//!
//! Where one would have to wait, the loop returns to the poll. Readiness is told once, when it begins
//! (edge-triggered), so whoever is left readable for the sake of the others stands in a list of its own.
//! After all that came in has been carried out, every member that is behind gets it in one write. In a large
//! room a round over all takes several turns, and what came in between goes to the rest of the members, too.

mod connection;
mod deliver;
mod listener;

use std::collections::BTreeSet;
use std::io;
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use server_core::bytes::Bytes;
use server_core::slab::Slab;
use server_core::{
    CloseReason, PerClient, Program, READ_CHUNK, Room, STOPPING, Said, Settings, Shutdown, Wake,
    console,
};

use crate::connection::Connection;
use crate::listener::Listener;

/// This server as a program.
pub const PROGRAM: Program = Program {
    name: "server-select",
    about: "The chat server with one readiness loop for all clients",
    per_client: PerClient::Descriptor,
    check: || Ok(()),
    serve,
};

/// Serves the clients of `listener` until `shutdown` is triggered and everybody has been told (SPEC
/// SHD-01), or the grace is over.
///
/// # Errors
///
/// The poll cannot be created or fails.
pub fn serve(listener: TcpListener, settings: Settings, shutdown: Shutdown) -> io::Result<()> {
    let mut server = Server::new(listener, settings, shutdown)?;
    let mut events = Events::with_capacity(EVENTS);
    while !server.is_over(Instant::now()) {
        server.turn(&mut events)?;
    }
    server.room.counters().log_totals();
    Ok(())
}

/// What the loop owns.
struct Server {
    settings: Arc<Settings>,
    shutdown: Shutdown,
    poll: Poll,
    /// Kept open: closing it would take back a wake-up that the poll has not told yet.
    _waker: Arc<Waker>,
    /// What the operator types, each line followed by a wake-up.
    lines: Receiver<Bytes>,
    /// The next of it, once it has been taken and as long as the room does not take it.
    line: Option<Bytes>,
    listener: Option<Listener>,
    /// Its handles are places in `connections`.
    room: Room<usize>,
    /// Every connection, members and those that are none yet, and those that are being refused.
    connections: Slab<Connection>,
    /// Connections that may have more to read or to say than one turn allowed.
    ready: Vec<usize>,
    /// Connections that wait for a pause or a delivery to end.
    waiting: Vec<usize>,
    /// Whether somebody among the waiting may go on.
    released: bool,
    /// How many refused clients that never had a place are given a moment to read.
    lingering: usize,
    timers: Timers,
    delivery: deliver::Delivery,
    /// The read buffer of all connections.
    chunk: Box<[u8]>,
}

impl Server {
    fn new(listener: TcpListener, settings: Settings, shutdown: Shutdown) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let wake = Arc::clone(&waker);
        // An error would mean that the poll is gone, and with it whoever could be woken.
        shutdown.on_trigger(move || wake.wake().unwrap_or_default());
        // Room for one: whoever types more than the room takes has to wait.
        let (typed, lines) = mpsc::sync_channel(1);
        let wake = Arc::clone(&waker);
        console::start(&settings, move |line| {
            let taken = typed.send(line).is_ok() && wake.wake().is_ok();
            if taken { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let clients_max = settings.clients_max(PROGRAM.per_client);
        let listener = Listener::new(listener, poll.registry(), clients_max)?;
        Ok(Self {
            room: Room::of(&settings),
            settings: Arc::new(settings),
            shutdown,
            poll,
            _waker: waker,
            lines,
            line: None,
            listener: Some(listener),
            connections: Slab::new(),
            ready: Vec::new(),
            waiting: Vec::new(),
            released: false,
            lingering: 0,
            timers: Timers::default(),
            delivery: deliver::Delivery::default(),
            chunk: vec![0; READ_CHUNK].into(),
        })
    }

    /// Waits for something to happen, carries all of it out, and delivers.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        match self.poll.poll(events, self.time_to_wait(Instant::now())) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in events.iter() {
            match event.token() {
                LISTENER => self.listener.iter_mut().for_each(Listener::note_ready),
                WAKER => {}
                Token(place) => self.note_ready(place, event),
            }
        }
        self.accept_loop();
        self.read_loop();
        self.announce(Instant::now());
        self.deliver();
        self.release();
        self.enforce_deadlines(Instant::now());
        if self.shutdown.is_triggered() {
            self.stop(Instant::now());
        }
        Ok(())
    }

    fn wake(&mut self, release: Wake) {
        self.released |= release == Wake::Waiters;
    }

    /// How long the poll may take: not at all while anybody could go on.
    fn time_to_wait(&self, now: Instant) -> Option<Duration> {
        let accepting = self.listener.as_ref().is_some_and(Listener::may_accept);
        // A line that waited for a pause to end is said in the next turn.
        let says = self.line.is_some() && !self.room.is_paused();
        let busy = !self.ready.is_empty() || self.released || says;
        if accepting || busy || self.delivery.is_unfinished(&self.room) {
            return Some(Duration::ZERO);
        }
        let stop = self.shutdown.deadlines(self.settings.grace);
        let deadlines = [
            self.timers.next(),
            self.room.deadline(),
            self.listener.as_ref().and_then(Listener::resting_until),
            stop.map(|stop| if stop.read > now { stop.read } else { stop.serve }),
        ];
        let next = deadlines.into_iter().flatten().min();
        next.map(|deadline| deadline.saturating_duration_since(now))
    }

    /// Says what the operator typed; what the room does not take now is said when the pause has ended.
    fn announce(&mut self, now: Instant) {
        for _ in 0..LINES_PER_TURN {
            self.line = self.line.take().or_else(|| self.lines.try_recv().ok());
            let Some(line) = &self.line else { return };
            if self.room.announce(line, now) == Said::Paused {
                return;
            }
            self.line = None;
        }
        // A line behind these was typed since the poll, so its wake-up is still to come.
    }

    /// Ends whoever took too long: clients with their names and frames, members with their reading.
    fn enforce_deadlines(&mut self, now: Instant) {
        while let Some(place) = self.timers.expired(now) {
            self.time_out(place, now);
        }
        for (_, place) in self.room.overdue(now) {
            self.depart(place, CloseReason::TooSlow);
        }
    }

    /// Has what was read said, tells everybody, delivers and closes, all within the grace.
    fn stop(&mut self, now: Instant) {
        let Some(deadlines) = self.shutdown.deadlines(self.settings.grace) else { return };
        self.listener = None;
        let places: Vec<_> = self.connections.iter().map(|(place, _)| place).collect();
        let mut reading = 0;
        for place in places {
            if self.connections[place].is_paused() && now < deadlines.read {
                reading += 1;
            } else if self.connections[place].is_read() {
                self.depart(place, CloseReason::Shutdown);
            }
        }
        if reading == 0 && !self.room.is_closed() {
            self.room.close(STOPPING);
        }
    }

    /// Whether a shutdown has come to its end.
    fn is_over(&self, now: Instant) -> bool {
        let stop = self.shutdown.deadlines(self.settings.grace);
        stop.is_some_and(|stop| self.connections.is_empty() || stop.serve <= now)
    }
}

/// At most one deadline per connection, the earliest first. A loop has nobody else to count the time.
#[derive(Default)]
struct Timers(BTreeSet<(Instant, usize)>);

impl Timers {
    /// Replaces the deadline of the connection at `place`.
    fn set(&mut self, place: usize, old: Option<Instant>, new: Option<Instant>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.0.remove(&(old, place));
        }
        if let Some(new) = new {
            self.0.insert((new, place));
        }
    }

    /// The earliest deadline.
    fn next(&self) -> Option<Instant> {
        self.0.first().map(|(deadline, _)| *deadline)
    }

    /// The connection whose deadline passed first, without taking it off: who hears of it sets another.
    fn expired(&self, now: Instant) -> Option<usize> {
        self.0.first().filter(|(deadline, _)| *deadline <= now).map(|(_, place)| *place)
    }
}

/// Tokens of what is no connection; places in a slab never get there.
const LISTENER: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// Lines of the operator's said before the clients have their turn.
const LINES_PER_TURN: usize = 16;

/// What one poll tells at most; the rest is told by the next.
const EVENTS: usize = 1024;
