//! Select: one readiness loop for all clients.
//!
//! ```text
//!  who                        waits where                     for what
//!  ──────────────────────────────────────────────────────────────────────────────────────────
//!  the loop: turn             poll                            the next client: accept_all
//!                                                             input from a client: read_loop
//!                                                             a full socket: deliver
//!                                                             the next deadline, the shutdown
//!                                                             the operator's input: announce
//! ```
//!
//! Where another model waits, the loop returns to the poll. The poll is edge-triggered: it reports readiness
//! once, when it begins. A connection whose turn ends before its input does therefore goes into a list of the
//! loop's own. After the input of a turn is processed, members that are behind are served, one batch each. In a
//! large room a round over all members takes several turns, so that clients are read in between.

mod close;
mod connection;
mod deliver;
mod listener;
mod stop;
mod timers;

use std::io;
use std::net::TcpListener;
use std::ops::{ControlFlow, RangeInclusive};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token, Waker};
use server_core::bytes::Bytes;
use server_core::listen::LISTENERS_MAX;
use server_core::slab::Slab;
use server_core::{
    CloseReason, PerClient, Program, READ_CHUNK, Room, Said, Settings, Shutdown, Wake, console,
};

use crate::connection::Connection;
use crate::listener::Listener;
use crate::timers::Timers;

/// This server as a program.
pub const PROGRAM: Program = Program {
    name: "server-select",
    about: "The chat server with one readiness loop for all clients",
    per_client: PerClient::Descriptor,
    check: || Ok(()),
    serve,
};

/// Serves the clients of `listeners` until `shutdown` is triggered and all members are served and notified
/// (SPEC SHD-01), or the grace is over.
///
/// # Errors
///
/// The poll cannot be created or fails.
pub fn serve(
    listeners: Vec<TcpListener>,
    settings: Settings,
    shutdown: Shutdown,
) -> io::Result<()> {
    let mut server = Server::new(listeners, settings, shutdown)?;
    let mut events = Events::with_capacity(EVENTS);
    while !server.is_over(Instant::now()) {
        server.turn(&mut events)?;
    }
    server.room.counters().log_totals();
    Ok(())
}

/// The state of the loop.
struct Server {
    settings: Arc<Settings>,
    shutdown: Shutdown,
    poll: Poll,
    /// Kept open: closing it would cancel a wake-up that the poll has not reported yet.
    _waker: Arc<Waker>,
    /// The operator's lines, each followed by a wake-up; `None` once the room is closed.
    lines: Option<Receiver<Bytes>>,
    /// A line that the room has not accepted yet.
    line: Option<Bytes>,
    /// Empty once the shutdown has begun.
    listeners: Vec<Listener>,
    /// A member is reached by its place in `connections`.
    room: Room<usize>,
    /// Every connection: members, unnamed clients, and clients that are being rejected.
    connections: Slab<Connection>,
    /// Connections that may have more input than their last turn allowed.
    ready: Vec<usize>,
    /// Connections that wait for the room, or for the end of their drain.
    waiting: Vec<usize>,
    /// Whether one of them may be able to go on.
    may_resume: bool,
    /// How many rejected clients linger.
    lingering: usize,
    timers: Timers,
    delivery: deliver::Delivery,
    /// The read buffer of all connections.
    chunk: Box<[u8]>,
}

impl Server {
    fn new(
        listeners: Vec<TcpListener>,
        settings: Settings,
        shutdown: Shutdown,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let wake = Arc::clone(&waker);
        // An error would mean that the poll is gone, and the loop with it.
        shutdown.on_trigger(move || wake.wake().unwrap_or_default());
        // Room for one line: an operator who types more than the room accepts has to wait.
        let (typed, lines) = mpsc::sync_channel(1);
        let wake = Arc::clone(&waker);
        console::start(&settings, move |line| {
            let taken = typed.send(line).is_ok() && wake.wake().is_ok();
            if taken { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        let clients_max = settings.clients_max(PROGRAM.per_client);
        let listeners = listeners.into_iter().zip(LISTENERS).map(|(listener, token)| {
            Listener::new(listener, poll.registry(), Token(token), clients_max)
        });
        let listeners = listeners.collect::<io::Result<_>>()?;
        Ok(Self {
            room: Room::of(&settings),
            settings: Arc::new(settings),
            shutdown,
            poll,
            _waker: waker,
            lines: Some(lines),
            line: None,
            listeners,
            connections: Slab::new(),
            ready: Vec::new(),
            waiting: Vec::new(),
            may_resume: false,
            lingering: 0,
            timers: Timers::default(),
            delivery: deliver::Delivery::default(),
            chunk: vec![0; READ_CHUNK].into(),
        })
    }

    /// Waits for events, processes all of them, and delivers.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        match self.poll.poll(events, self.time_to_wait(Instant::now())) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in events.iter() {
            match event.token() {
                WAKER => {}
                token @ Token(place) if LISTENERS.contains(&place) => {
                    self.listeners.iter_mut().for_each(|listener| listener.note_ready(token));
                }
                Token(place) => self.note_ready(place, event),
            }
        }
        self.accept_all();
        self.read_loop();
        self.announce(Instant::now());
        self.deliver();
        self.resume_waiting();
        self.enforce_deadlines(Instant::now());
        if self.shutdown.is_triggered() {
            self.stop(Instant::now());
        }
        Ok(())
    }

    fn wake(&mut self, wake: Wake) {
        self.may_resume |= wake == Wake::Waiters;
    }

    /// How long the poll may wait: not at all, while the loop itself has something to do.
    fn time_to_wait(&self, now: Instant) -> Option<Duration> {
        let accepts = self.listeners.iter().any(Listener::may_accept);
        // A line that waited for the end of a pause is announced in the next turn.
        let announces = self.line.is_some() && !self.room.is_paused();
        let has_input = !self.ready.is_empty() || self.may_resume;
        if accepts || announces || has_input || self.delivery.is_unfinished(&self.room) {
            return Some(Duration::ZERO);
        }
        // Reading ends at half of the grace, serving at three quarters.
        let stop = self.shutdown.deadlines(self.settings.grace);
        let deadlines = [
            self.timers.next(),
            self.room.deadline(),
            self.listeners.iter().filter_map(Listener::paused_until).min(),
            stop.map(|stop| if stop.read > now { stop.read } else { stop.serve }),
        ];
        let next = deadlines.into_iter().flatten().min();
        next.map(|deadline| deadline.saturating_duration_since(now))
    }

    /// Sends the operator's lines to all members. A line that the room does not accept now waits for the end
    /// of the pause.
    fn announce(&mut self, now: Instant) {
        for _ in 0..LINES_PER_TURN {
            let next = || self.lines.as_ref()?.try_recv().ok();
            self.line = self.line.take().or_else(next);
            let Some(line) = &self.line else { return };
            match self.room.announce(line, now) {
                Said::Appended | Said::Renamed => self.line = None,
                Said::Paused => return,
                Said::Closed => (self.line, self.lines) = (None, None),
            }
        }
        // Later lines were typed after the poll, so their wake-up is still to come.
    }

    /// Ends connections that took too long: with a name, a frame, their answers or their reading.
    fn enforce_deadlines(&mut self, now: Instant) {
        while let Some(place) = self.timers.expired(now) {
            self.time_out(place, now);
        }
        // The room has removed these members. Nothing is delivered any more: their connections are reset.
        for (_, place) in self.room.overdue(now) {
            self.drain(place, CloseReason::TooSlow);
        }
    }
}

/// Tokens of what is no connection. Places in a slab never get so high.
const LISTENERS: RangeInclusive<usize> = usize::MAX - LISTENERS_MAX..=usize::MAX - 1;
const WAKER: Token = Token(usize::MAX);

/// Lines of the operator that are announced before the clients have their turn.
const LINES_PER_TURN: usize = 16;

/// Events that one poll reports at most. The next poll reports the rest.
const EVENTS: usize = 1024;
