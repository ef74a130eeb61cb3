//! Threaded: a blocking thread per client.
//!
//! ```text
//!  who                        waits where                     for what
//!  ──────────────────────────────────────────────────────────────────────────────────────────
//!  main thread: accept_loop   accept                          the next client
//!  client's thread: read_loop poll (of one socket)            what its client says, the shutdown
//!                             Server::release (a condvar)     a paused room, the end of delivery
//!  courier: deliver           poll (Server::bell)             a delivery that has grown, full sockets
//!  porter: refuse             a channel                       clients there is no place for
//!  console: announce          a read of standard input        what the operator types, with --console
//! ```
//!
//! Where one would have to wait, the kernel parks the thread. (A thread that waits for its client also
//! has to hear of the shutdown, so it is parked in a poll of two descriptors rather than in the read.)
//! The thread that appended to the log makes a round over all members and sends without waiting; one that
//! finds a round under way leaves its message to it and goes back to reading. After so many sends the rest,
//! and whatever else has come in, is the courier's, so that no reader is kept from its client, and so is every
//! full socket until it can take more.

mod connection;
mod deliver;
mod listener;

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use server_core::bytes::Bytes;
use server_core::{
    MemberId, PerClient, Program, Room, STOPPING, Said, Settings, Shutdown, Wake, console, socket,
};

use crate::deliver::Patience;

/// This server as a program.
pub const PROGRAM: Program = Program {
    name: "server-threaded",
    about: "The chat server with a blocking thread per client",
    per_client: PerClient::Thread,
    check: || Ok(()),
    serve,
};

/// Serves the clients of `listener` until `shutdown` is triggered and everybody has been told (SPEC
/// SHD-01), or the grace is over.
///
/// # Errors
///
/// The threads that every server needs cannot be started.
pub fn serve(listener: TcpListener, settings: Settings, shutdown: Shutdown) -> io::Result<()> {
    let listener = Arc::new(listener);
    let (stopping, stop) = io::pipe()?;
    let server = Arc::new(Server::new(settings, shutdown, stopping, Bell::hang()?));
    let courier = deliver::start_courier(&server)?;
    let porter = listener::start_porter(&server)?;
    let woken = Arc::clone(&listener);
    server.shutdown.on_trigger(move || {
        socket::stop_listening(&woken);
        // It is read by nobody, so it wakes everybody. A full or closed pipe would do the same.
        let _ = (&stop).write_all(b"!");
    });
    let told = Arc::clone(&server);
    console::start(&server.settings, move |line| told.announce(&line))?;
    listener::accept_loop(&server, &listener, &porter);
    drop(listener);
    server.stop();
    // A thread of ours that panicked has said so itself.
    let _ = courier.join();
    Ok(())
}

/// What all threads share.
struct Server {
    settings: Arc<Settings>,
    shutdown: Shutdown,
    /// The only lock. No socket is touched and nothing is waited for while it is held.
    state: Mutex<State>,
    /// Can be read once the shutdown is triggered: wakes every thread that is parked for its client.
    stopping: PipeReader,
    /// Wakes the courier.
    bell: Bell,
    /// Wakes those who wait for a pause or a delivery to end.
    release: Condvar,
}

struct State {
    room: Room<Arc<TcpStream>>,
    /// How many connections there are, members and those that are none yet.
    connections: usize,
    /// How many of them are still read.
    reading: usize,
    delivery: deliver::Delivery,
}

impl Server {
    fn new(settings: Settings, shutdown: Shutdown, stopping: PipeReader, bell: Bell) -> Self {
        let state = State {
            room: Room::of(&settings),
            connections: 0,
            reading: 0,
            delivery: deliver::Delivery::new(),
        };
        Self {
            settings: Arc::new(settings),
            shutdown,
            state: Mutex::new(state),
            stopping,
            bell,
            release: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody is released, `until` at most.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let Some(until) = until else {
            return self.release.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let time = until.saturating_duration_since(Instant::now());
        self.release.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn wake(&self, release: Wake) {
        if release == Wake::Waiters {
            self.release.notify_all();
        }
    }

    /// Says what the operator typed, waiting for as long as the room takes nothing.
    fn announce(&self, line: &Bytes) -> ControlFlow<()> {
        let mut state = self.lock();
        loop {
            match state.room.announce(line, Instant::now()) {
                Said::Closed => return ControlFlow::Break(()),
                Said::Paused => state = connection::wait_for_room(self, state, None),
                Said::Appended | Said::Renamed => break,
            }
        }
        deliver::deliver(self, state);
        ControlFlow::Continue(())
    }

    /// Has what was read said, tells everybody, delivers and closes, all within the grace.
    fn stop(&self) {
        let Some(deadlines) = self.shutdown.deadlines(self.settings.grace) else { return };
        // With the lock taken once: nobody is between having seen no shutdown and waiting.
        drop(self.lock());
        self.wake(Wake::Waiters);
        let mut state = self.wait_until(deadlines.read, |state| state.reading == 0);
        state.room.close(STOPPING);
        deliver::deliver(self, state);
        self.wake(Wake::Waiters);
        state = self.wait_until(deadlines.serve, |state| state.connections == 0);
        deliver::stop_courier(self, &mut state);
        let counters = state.room.counters().clone();
        drop(state);
        counters.log_totals();
    }

    fn wait_until(&self, until: Instant, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !done(&state) && Instant::now() < until {
            state = self.wait(state, Some(until));
        }
        state
    }
}

/// What the courier is parked at. Sockets can be waited for only in a poll, and whoever has something for
/// the courier makes itself heard there by a pipe.
struct Bell {
    rung: PipeReader,
    rope: PipeWriter,
}

impl Bell {
    fn hang() -> io::Result<Self> {
        let (rung, rope) = io::pipe()?;
        Ok(Self { rung, rope })
    }

    /// Ends the wait, or the next one. To be called at most once per wait: then the pipe never fills.
    fn ring(&self) {
        // Both ends of the pipe are here, so there is somebody to read it.
        let _ = (&self.rope).write_all(b"!");
    }

    /// Leaves everybody alone for a moment.
    #[expect(
        clippy::unused_self,
        reason = "tests/hand_over.rs has a bell that knows when it is asked"
    )]
    fn rest(&self) {
        std::thread::sleep(socket::ACCEPT_BACKOFF);
    }

    /// Parks the thread until somebody rings or one of these sockets, which are full, can take more: which.
    fn wait(&self, full: &[(MemberId, Arc<TcpStream>)], patience: Patience) -> Vec<MemberId> {
        let mut waits = vec![PollFd::new(&self.rung, PollFlags::IN)];
        waits.extend(full.iter().map(|(_, stream)| PollFd::new(stream, PollFlags::OUT)));
        let until = (patience == Patience::None).then(Instant::now);
        if connection::wait(&mut waits, until).is_err() {
            // The kernel has no memory for it at the moment.
            self.rest();
            return Vec::new();
        }
        if !waits[0].revents().is_empty() {
            // As in `ring`. What is left, if anything, ends the next wait too early, which does no harm.
            let _ = (&self.rung).read(&mut [0; 16]);
        }
        let ready = full.iter().zip(&waits[1..]).filter(|(_, wait)| !wait.revents().is_empty());
        ready.map(|((member, _), _)| *member).collect()
    }
}

/// Members served by a thread that has appended before the rest is the courier's: half a millisecond, in which its
/// own client is not read.
const SENDS: usize = 128;
