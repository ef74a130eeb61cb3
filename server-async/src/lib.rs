//! Async: a task per client.
//!
//! ```text
//!  who                        waits where                     for what
//!  ──────────────────────────────────────────────────────────────────────────────────────────
//!  main task: accept_all      the accept tasks                their end, at the shutdown
//!  accept task: accept_loop   accept, or the shutdown         the next client (a task per address)
//!  client's task: read_loop   readable                        input from its client, the shutdown
//!                             Server::waiters (a watch)       the room
//!  same task: deliver_loop    its waker, kept in the room     something new for it
//!                             writable                        a full socket
//!  wake task: wake_loop       its waker                       a room too large to wake at once
//!  console task: announce     a channel                       the operator's input, with --console
//! ```
//!
//! Where another model waits, the task yields to the runtime. A client's task reads and delivers: whichever of
//! the two can go on does, and the end of either ends both. The task that appended to the log wakes the tasks of
//! the members that are behind, and each delivers to its own client. In a large room it wakes the first of them; the
//! wake task goes on, some at a time, so that tasks with input to read run in between.

mod close;
mod connection;
mod deliver;
mod listener;
mod runtime;
mod stop;

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use server_core::bytes::Bytes;
use server_core::slab::Slab;
use server_core::{PerClient, Program, Room, Said, Settings, Shutdown, Wake, console};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;

/// This server as a program.
pub const PROGRAM: Program = Program {
    name: "server-async",
    about: "The chat server with an asynchronous task per client",
    per_client: PerClient::Descriptor,
    check: || runtime::workers().map(drop),
    serve,
};

/// Serves the clients of `listeners` until `shutdown` is triggered and all members are served and notified
/// (SPEC SHD-01), or the grace is over.
///
/// # Errors
///
/// The runtime cannot be started, or `TOKIO_WORKER_THREADS` is no number of workers.
pub fn serve(
    listeners: Vec<TcpListener>,
    settings: Settings,
    shutdown: Shutdown,
) -> io::Result<()> {
    let workers = runtime::workers();
    let workers = workers.map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
    let runtime = runtime::runtime(workers)?;
    let server = Arc::new(Server::new(settings, shutdown));
    let accepting = Arc::clone(&server);
    server.shutdown.on_trigger(move || {
        accepting.stopping.send_modify(|stopping| *stopping = true);
    });
    runtime.block_on(async {
        start_console(&server)?;
        let waking = Arc::clone(&server);
        tokio::spawn(async move { deliver::wake_loop(&waking).await });
        listener::accept_all(&server, listeners).await?;
        server.stop().await;
        Ok(())
    })
}

/// Starts the task that announces the operator's lines. It ends when the room is closed.
fn start_console(server: &Arc<Server>) -> io::Result<()> {
    // Room for one line: an operator who types more than the room accepts has to wait.
    let (typed, mut lines) = mpsc::channel(1);
    console::start(&server.settings, move |line| match typed.blocking_send(line) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    })?;
    let server = Arc::clone(server);
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await
            && server.announce(&line).await.is_continue()
        {}
    });
    Ok(())
}

/// What all tasks share.
struct Server {
    settings: Arc<Settings>,
    shutdown: Shutdown,
    /// The only lock. No task touches a socket or awaits while it holds the lock.
    state: Mutex<State>,
    /// Ends the accepting at the shutdown.
    stopping: watch::Sender<bool>,
    /// Wakes the tasks that wait for the room, and the shutdown, which waits for the end of connections.
    waiters: watch::Sender<()>,
}

struct State {
    /// A member is reached by its task's waker.
    room: Room<Waker>,
    delivery: deliver::Delivery,
    /// The task of every connection: of members, and of clients that are still unnamed.
    connections: Slab<Waker>,
    /// How many of them are still read.
    reading: usize,
    /// How many rejected clients linger.
    lingering: usize,
}

impl Server {
    fn new(settings: Settings, shutdown: Shutdown) -> Self {
        let state = State {
            room: Room::of(&settings),
            delivery: deliver::Delivery::default(),
            connections: Slab::new(),
            reading: 0,
            lingering: 0,
        };
        Self {
            settings: Arc::new(settings),
            shutdown,
            state: Mutex::new(state),
            stopping: watch::Sender::new(false),
            waiters: watch::Sender::new(()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the waiters are woken, at most until `until`. The caller subscribed `seen` before it looked at
    /// the room, so that it misses no wake-up in between.
    async fn wait(&self, seen: &mut watch::Receiver<()>, until: Option<Instant>) {
        // An error would mean that the sender is gone, and `self` owns it.
        let changed = async { seen.changed().await.unwrap_or_default() };
        match until {
            None => changed.await,
            // In both cases the caller looks again.
            Some(until) => timeout_at(until.into(), changed).await.unwrap_or_default(),
        }
    }

    fn wake(&self, wake: Wake) {
        if wake == Wake::Waiters {
            self.waiters.send_replace(());
        }
    }

    /// Sends a line of the operator to all members, once the room accepts it. The console ends when the room
    /// is closed.
    async fn announce(&self, line: &Bytes) -> ControlFlow<()> {
        let mut seen = self.waiters.subscribe();
        loop {
            let said = {
                let mut state = self.lock();
                let said = state.room.announce(line, Instant::now());
                deliver::deliver(state);
                said
            };
            match said {
                Said::Appended | Said::Renamed => return ControlFlow::Continue(()),
                Said::Paused => connection::wait_for_room(self, &mut seen, None).await,
                Said::Closed => return ControlFlow::Break(()),
            }
        }
    }
}
