//! Listener: accepts clients, or rejects them.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Instant;

use server_core::listen::AcceptBackoff;
use server_core::socket::{self, LINGERING_MAX};
use server_core::{CloseReason, Wake};

use crate::{PROGRAM, Server, connection};

/// The way to the rejection thread.
pub(crate) type Rejections = SyncSender<Arc<TcpStream>>;

/// Accepts clients at every listener until the shutdown: at the first one in this thread, at each other one in
/// a thread of its own.
pub(crate) fn accept_all(
    server: &Arc<Server>,
    listeners: &[TcpListener],
    rejections: &Rejections,
) -> io::Result<()> {
    let Some((first, others)) = listeners.split_first() else { return Ok(()) };
    thread::scope(|scope| {
        for listener in others {
            let accept = || accept_loop(server, listener, rejections);
            let started = thread::Builder::new().name("accept".into()).spawn_scoped(scope, accept);
            // The scope waits for the threads that have started.
            started.inspect_err(|_| server.shutdown.trigger())?;
        }
        accept_loop(server, first, rejections);
        Ok(())
    })
}

/// Accepts clients at one listener until the shutdown.
fn accept_loop(server: &Arc<Server>, listener: &TcpListener, rejections: &Rejections) {
    let clients_max = server.settings.clients_max(PROGRAM.per_client);
    let mut backoff = AcceptBackoff::default();
    loop {
        let accepted = listener.accept();
        if server.shutdown.is_triggered() {
            return;
        }
        match accepted {
            Ok((stream, peer)) => admit(server, stream, peer, clients_max, rejections),
            Err(error) => {
                if let Some(delay) = backoff.delay(&error, Instant::now()) {
                    thread::sleep(delay);
                }
            }
        }
    }
}

/// Serves a client in a thread, or rejects it if there are too many (SPEC RES-09).
fn admit(
    server: &Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    clients_max: usize,
    rejections: &Rejections,
) {
    let stream = Arc::new(stream);
    let mut state = server.lock();
    if state.connections >= clients_max {
        drop(state);
        return reject(server, stream, CloseReason::Full, rejections);
    }
    state.connections += 1;
    state.reading += 1;
    drop(state);
    let (serving, served) = (Arc::clone(server), Arc::clone(&stream));
    let started = thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || connection::serve(&serving, &served, peer));
    if started.is_err() {
        let mut state = server.lock();
        state.connections -= 1;
        state.reading -= 1;
        drop(state);
        reject(server, stream, CloseReason::Exhausted, rejections);
    }
}

/// Sends a client the reason, half-closes and lingers, if not too many linger already (SPEC RES-09).
fn reject(
    server: &Server,
    stream: Arc<TcpStream>,
    mut reason: CloseReason,
    rejections: &Rejections,
) {
    socket::reject(&stream, server_core::rejection(&reason));
    let mut state = server.lock();
    // No connection waits for a client that was never served.
    let _ = state.room.leave(None, &mut reason);
    if state.lingering >= LINGERING_MAX {
        drop(state);
        // It is closed at once, whether it has read the reason or not.
        let _ = socket::discard_input(&stream);
        return;
    }
    state.lingering += 1;
    drop(state);
    // The channel has a place for each of them, and the thread lives as long as this sender.
    let _ = rejections.send(stream);
}

/// Starts the thread that lingers for rejected clients. There is one for all of them, because a client may be
/// rejected for want of a thread.
pub(crate) fn start_rejection_thread(server: &Arc<Server>) -> io::Result<Rejections> {
    let (rejections, rejected) = mpsc::sync_channel(LINGERING_MAX);
    let server = Arc::clone(server);
    thread::Builder::new().name("rejection".into()).spawn(move || linger(&server, &rejected))?;
    Ok(rejections)
}

/// Gives each rejected client a moment to read the reason.
fn linger(server: &Server, rejected: &Receiver<Arc<TcpStream>>) {
    let mut lingering: VecDeque<(Instant, Arc<TcpStream>)> = VecDeque::new();
    loop {
        match receive(rejected, lingering.front().map(|(until, _)| *until)) {
            Ok(stream) => {
                let until = server.shutdown.linger_until(&server.settings, Instant::now());
                lingering.push_back((until, stream));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        while let Some((_, stream)) = lingering.pop_front_if(|(until, _)| *until <= now) {
            // What the client sent is discarded: closing with unread bytes would reset the connection.
            let _ = socket::discard_input(&stream);
            drop(stream);
            server.lock().lingering -= 1;
            server.wake(Wake::Waiters);
        }
    }
}

fn receive<T>(channel: &Receiver<T>, until: Option<Instant>) -> Result<T, RecvTimeoutError> {
    match until {
        Some(until) => channel.recv_timeout(until.saturating_duration_since(Instant::now())),
        None => channel.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// Bytes of a client's thread's stack. Pages that it never touches cost no memory.
const STACK: usize = 256 * 1024;
