//! Async: a task per client.
//!
//! ```text
//!  who                        waits where                     for what
//!  ──────────────────────────────────────────────────────────────────────────────────────────
//!  main task: accept_loop     accept, or the shutdown         the next client
//!  client's task: read_loop   readable                        what its client says, the shutdown
//!                             Server::release (a watch)       a paused room, the end of delivery
//!  the same task: deliver     its waker, kept in the room     something new for it
//!                             writable                        a full socket
//!  caller's task: call_loop   its waker                       a room too large to be called at once
//!  console task: announce     a channel                       what the operator types, with --console
//! ```
//!
//! Where one would have to wait, the task yields to the runtime. A client's task reads and delivers in
//! turns: whichever of the two can go on does, and the end of either ends both. The task that appended
//! calls the others, and each delivers to its own client. In a large room it calls the first of them, and the
//! caller goes on a few at a time, so that tasks with something to read come in between.
//!
//! One worker runs all tasks unless `TOKIO_WORKER_THREADS` says otherwise: in most cells of a fan-out a
//! second one was measured to cost a quarter to two thirds more CPU per delivery.

mod connection;
mod deliver;
mod listener;

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use server_core::bytes::Bytes;
use server_core::slab::Slab;
use server_core::{PerClient, Program, Room, STOPPING, Said, Settings, Shutdown, Wake, console};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout_at;

/// This server as a program.
pub const PROGRAM: Program = Program {
    name: "server-async",
    about: "The chat server with an asynchronous task per client",
    per_client: PerClient::Descriptor,
    check: || workers().map(drop),
    serve,
};

/// Serves the clients of `listener` until `shutdown` is triggered and everybody has been told (SPEC
/// SHD-01), or the grace is over.
///
/// # Errors
///
/// The runtime cannot be started, or `TOKIO_WORKER_THREADS` is no number of workers.
pub fn serve(listener: TcpListener, settings: Settings, shutdown: Shutdown) -> io::Result<()> {
    let workers = workers().map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
    let runtime = runtime(workers)?;
    let server = Arc::new(Server::new(settings, shutdown));
    let woken = Arc::clone(&server);
    server.shutdown.on_trigger(move || woken.stopping.send_modify(|stopping| *stopping = true));
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        start_console(&server)?;
        let caller = Arc::clone(&server);
        tokio::spawn(async move { deliver::call_loop(&caller).await });
        listener::accept_loop(&server, &listener).await;
        drop(listener);
        server.stop().await;
        Ok(())
    })
}

/// How many workers `TOKIO_WORKER_THREADS` says, one by default.
fn workers() -> Result<usize, String> {
    let Some(said) = std::env::var_os("TOKIO_WORKER_THREADS") else { return Ok(1) };
    let workers = said.to_str().and_then(|said| said.parse().ok()).filter(|&workers| workers > 0);
    workers.ok_or_else(|| "TOKIO_WORKER_THREADS must be a number of threads, 1 or more".into())
}

fn runtime(workers: usize) -> io::Result<Runtime> {
    match workers {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
    }
}

/// Starts the task that says what the operator types.
fn start_console(server: &Arc<Server>) -> io::Result<()> {
    // Room for one: whoever types more than the room takes has to wait.
    let (typed, mut lines) = mpsc::channel(1);
    console::start(&server.settings, move |line| match typed.blocking_send(line) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    })?;
    let server = Arc::clone(server);
    tokio::spawn(async move {
        while let Some(line) = lines.recv().await {
            server.announce(&line).await;
        }
    });
    Ok(())
}

/// What all tasks share.
struct Server {
    settings: Arc<Settings>,
    shutdown: Shutdown,
    /// The only lock. No socket is touched and nothing is awaited while it is held.
    state: Mutex<State>,
    /// Wakes those who wait for a pause, a delivery or a connection to end.
    release: watch::Sender<()>,
    /// Ends the accepting at the shutdown.
    stopping: watch::Sender<bool>,
}

struct State {
    /// A member is reached by its task's waker.
    room: Room<Waker>,
    delivery: deliver::Delivery,
    /// The task of every connection, members and those that are none yet.
    connections: Slab<Waker>,
    /// How many of them are still read.
    reading: usize,
    /// How many refused clients are given a moment to read.
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
            release: watch::Sender::new(()),
            stopping: watch::Sender::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until somebody is released, `until` at most. `seen` was subscribed before the room was
    /// looked at, so that no release in between is missed.
    async fn wait(&self, seen: &mut watch::Receiver<()>, until: Option<Instant>) {
        // An error would mean that the sender is gone, and it is ours.
        let changed = async { seen.changed().await.unwrap_or_default() };
        match until {
            None => changed.await,
            // Both outcomes mean: look again.
            Some(until) => timeout_at(until.into(), changed).await.unwrap_or_default(),
        }
    }

    fn wake(&self, release: Wake) {
        if release == Wake::Waiters {
            self.release.send_replace(());
        }
    }

    /// Says what the operator typed, waiting for as long as the room takes nothing.
    async fn announce(&self, line: &Bytes) {
        let mut seen = self.release.subscribe();
        loop {
            let said = {
                let mut state = self.lock();
                let said = state.room.announce(line, Instant::now());
                deliver::deliver(state);
                said
            };
            match said {
                Said::Paused => connection::wait_for_room(self, &mut seen, None).await,
                Said::Appended | Said::Renamed | Said::Closed => return,
            }
        }
    }

    /// Has what was read said, tells everybody, delivers and closes, all within the grace.
    async fn stop(&self) {
        let Some(deadlines) = self.shutdown.deadlines(self.settings.grace) else { return };
        let connections = self.lock().connections.clone();
        connections.iter().for_each(|(_, waker)| waker.wake_by_ref());
        self.wake(Wake::Waiters);
        self.wait_until(deadlines.read, |state| state.reading == 0).await;
        {
            let mut state = self.lock();
            state.room.close(STOPPING);
            deliver::deliver(state);
        }
        self.wake(Wake::Waiters);
        self.wait_until(deadlines.serve, |state| state.connections.is_empty()).await;
        let counters = self.lock().room.counters().clone();
        counters.log_totals();
    }

    async fn wait_until(&self, until: Instant, done: impl Fn(&State) -> bool) {
        let mut seen = self.release.subscribe();
        while !done(&self.lock()) && Instant::now() < until {
            self.wait(&mut seen, Some(until)).await;
        }
    }
}
