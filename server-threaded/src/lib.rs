//! Threaded: a blocking thread per client.
//!
//! ```text
//!  who                        waits where                     for what
//!  ──────────────────────────────────────────────────────────────────────────────────────────
//!  main thread: accept_loop   accept                          the next client
//!  accept thread: accept_loop accept                          the same, at each further address
//!  client's thread: read_loop poll (of one socket)            input from its client, the shutdown
//!                             Server::waiters (a condvar)     the room, the end of its drain
//!  delivery_thread            poll (Server::wake_pipe)        the rest of a round, full sockets
//!  rejection thread: linger   a channel                       clients to be rejected
//!  console thread: announce   a read of standard input        the operator's input, with --console
//! ```
//!
//! Where another model waits, the kernel parks the thread. (A client's thread must also notice the shutdown, so
//! it is parked in a poll of two descriptors and not in the read.) The thread that appended to the log makes a
//! round over all members and writes without blocking. A thread that finds a round in progress leaves its
//! message to that round and reads its client again. After some members the delivery thread takes over, so that
//! no client waits long to be read; it also serves the full sockets once they are writable.

mod close;
mod connection;
mod deliver;
mod listener;
mod poll;
mod stop;

use std::io::{self, PipeReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use server_core::bytes::Bytes;
use server_core::{
    PerClient, Program, Room, Said, Settings, Shutdown, Wake, console, listen, socket,
};

use crate::poll::WakePipe;

/// This server as a program.
pub const PROGRAM: Program = Program {
    name: "server-threaded",
    about: "The chat server with a blocking thread per client",
    per_client: PerClient::Thread,
    check: || Ok(()),
    serve,
};

/// Serves the clients of `listeners` until `shutdown` is triggered and all members are served and notified
/// (SPEC SHD-01), or the grace is over.
///
/// # Errors
///
/// The threads that every server needs cannot be started.
pub fn serve(
    listeners: Vec<TcpListener>,
    settings: Settings,
    shutdown: Shutdown,
) -> io::Result<()> {
    let listeners = Arc::new(listeners);
    let (stopping, stop) = io::pipe()?;
    let server = Arc::new(Server::new(settings, shutdown, stopping, WakePipe::new()?));
    let delivery_thread = deliver::start_delivery_thread(&server)?;
    let rejections = listener::start_rejection_thread(&server)?;
    let blocked = Arc::clone(&listeners);
    server.shutdown.on_trigger(move || {
        for listener in &*blocked {
            listen::stop_listening(listener);
        }
        // No thread reads the byte, so it wakes all of them. A full or closed pipe would do the same.
        let _ = (&stop).write_all(b"!");
    });
    let room = Arc::clone(&server);
    console::start(&server.settings, move |line| room.announce(&line))?;
    listener::accept_all(&server, &listeners, &rejections)?;
    drop(listeners);
    server.stop();
    // A thread that panicked has reported it itself.
    let _ = delivery_thread.join();
    Ok(())
}

/// What all threads share.
struct Server {
    settings: Arc<Settings>,
    shutdown: Shutdown,
    /// The only lock. No thread touches a socket or waits while it holds the lock.
    state: Mutex<State>,
    /// Readable once the shutdown is triggered: wakes every thread that is parked for its client.
    stopping: PipeReader,
    /// Wakes the delivery thread.
    wake_pipe: WakePipe,
    /// Wakes the threads that wait for the room, or for the end of a drain or of a connection.
    waiters: Condvar,
}

struct State {
    /// A member is reached by its socket.
    room: Room<Arc<TcpStream>>,
    delivery: deliver::Delivery,
    /// How many connections there are: members, and clients that are still unnamed.
    connections: usize,
    /// How many of them are still read.
    reading: usize,
    /// How many rejected clients linger.
    lingering: usize,
}

impl Server {
    fn new(
        settings: Settings,
        shutdown: Shutdown,
        stopping: PipeReader,
        wake_pipe: WakePipe,
    ) -> Self {
        let state = State {
            room: Room::of(&settings),
            delivery: deliver::Delivery::default(),
            connections: 0,
            reading: 0,
            lingering: 0,
        };
        Self {
            settings: Arc::new(settings),
            shutdown,
            state: Mutex::new(state),
            stopping,
            wake_pipe,
            waiters: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the waiters are woken, at most until `until`.
    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State> {
        let Some(until) = until else {
            return self.waiters.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        let time = until.saturating_duration_since(Instant::now());
        self.waiters.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
    }

    fn wake(&self, wake: Wake) {
        if wake == Wake::Waiters {
            self.waiters.notify_all();
        }
    }

    /// Sends a line of the operator to all members, once the room accepts it. The console ends when the room
    /// is closed.
    fn announce(&self, line: &Bytes) -> ControlFlow<()> {
        let mut state = self.lock();
        loop {
            match state.room.announce(line, Instant::now()) {
                Said::Appended | Said::Renamed => break,
                Said::Paused => state = connection::wait_for_room(self, state, None),
                Said::Closed => return ControlFlow::Break(()),
            }
        }
        deliver::deliver(self, state);
        ControlFlow::Continue(())
    }
}

/// Members that one thread serves before it looks at its client again, or at full sockets: half a millisecond.
const MEMBERS_PER_TURN: usize = 128;
