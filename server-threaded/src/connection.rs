//! Connection: one client, from its name to its last word.

use std::io::{ErrorKind, Read};
use std::net::{self, SocketAddr, TcpStream};
use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use server_core::bytes::Bytes;
use server_core::{CloseReason, Ending, READ_CHUNK, Session, Turn, socket};

use crate::deliver::{deliver, hand_over};
use crate::{Server, State};

/// A client's thread: reads until there is a reason not to, and sees the client off.
pub(crate) fn serve(server: &Server, stream: &Arc<TcpStream>, peer: SocketAddr, place: usize) {
    let mut session = Session::new(Arc::clone(&server.settings), peer, Instant::now());
    let reason = read_loop(server, stream, &mut session);
    depart(server, stream, &session, reason);
    server.lock().connections.remove(place);
    if server.shutdown.is_triggered() {
        server.release.notify_all();
    }
}

/// Carries out what the client says, until it ends. The thread is parked in `read`.
fn read_loop(server: &Server, stream: &Arc<TcpStream>, session: &mut Session) -> CloseReason {
    let mut chunk = Chunk::default();
    loop {
        if let Err(reason) = read(server, stream, session, &mut chunk) {
            return reason;
        }
        if let Some(reason) = act(server, stream, session) {
            return reason;
        }
        if server.shutdown.is_triggered() {
            return CloseReason::Shutdown;
        }
    }
}

/// Reads once, for as long as the client may take.
fn read(
    server: &Server,
    stream: &TcpStream,
    session: &mut Session,
    chunk: &mut Chunk,
) -> Result<(), CloseReason> {
    let time = session.deadline().map(|deadline| remaining(deadline, Instant::now()));
    if time.is_some() || chunk.timed {
        stream.set_read_timeout(time)?;
        chunk.timed = time.is_some();
    }
    match chunk.fill(stream) {
        // At a shutdown this is no end of the client's: its thread was woken.
        Ok([]) if server.shutdown.is_triggered() => {}
        Ok([]) => session.end(),
        Ok(bytes) => session.feed(bytes),
        Err(error) if is_timeout(error.kind()) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Carries out what has been said, waiting for as long as the room takes nothing.
fn act(server: &Server, stream: &Arc<TcpStream>, session: &mut Session) -> Option<CloseReason> {
    let mut state = server.lock();
    let reason = loop {
        match session.act(&mut state.room, stream, Instant::now()) {
            Turn::Read => break session.expired(Instant::now()),
            Turn::Close(reason) => break Some(reason),
            Turn::Wait => match server.shutdown.deadlines(server.settings.grace) {
                Some(stop) if stop.read <= Instant::now() => break Some(CloseReason::Shutdown),
                stop => state = wait_for_room(server, state, stop.map(|stop| stop.read)),
            },
        }
    };
    deliver(server, state);
    session.log();
    reason
}

/// Parks the thread until the room takes more. Whoever waits for the room also counts the time.
fn wait_for_room<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    until: Option<Instant>,
) -> MutexGuard<'a, State> {
    hand_over(server, &mut state);
    let until = [until, state.room.deadline()].into_iter().flatten().min();
    state = server.wait(state, until);
    let late = state.room.overdue(Instant::now());
    if late.is_empty() {
        return state;
    }
    drop(state);
    for (_, stream) in late {
        socket::reset_on_close(&stream);
        wake_reader(&stream);
    }
    server.release.notify_all();
    server.lock()
}

/// Sees the client off: it gets what is for it, then its name is free, then it sees the end.
fn depart(server: &Server, stream: &TcpStream, session: &Session, mut reason: CloseReason) {
    let patience = Instant::now() + server.settings.patience;
    let mut state = server.lock();
    state.reading -= 1;
    server.wake(session.finish(&mut state.room, &reason));
    deliver(server, state);
    if server.shutdown.is_triggered() {
        server.release.notify_all();
    }
    state = server.lock();
    while !session.is_done(&state.room) {
        let stop = server.shutdown.deadlines(server.settings.grace).map(|stop| stop.serve);
        let until =
            if reason == CloseReason::Shutdown { stop.unwrap_or(patience) } else { patience };
        if until <= Instant::now() {
            reason = CloseReason::TooSlow;
            break;
        }
        state = server.wait(state, Some(until));
    }
    server.wake(session.leave(&mut state.room, &mut reason));
    drop(state);
    session.log_end(&reason);
    end(server, stream, session, &reason);
}

/// Ends the connection as its reason demands.
fn end(server: &Server, stream: &TcpStream, session: &Session, reason: &CloseReason) {
    match reason.ending() {
        Ending::Plain => socket::half_close(stream),
        Ending::Abort => socket::reset_on_close(stream),
        Ending::Refusal => {
            refuse(stream, session.refusal(reason));
            linger(server, stream);
        }
    }
}

/// Reads on for a moment: closing with unread bytes would reset the connection and eat the reason.
fn linger(server: &Server, stream: &TcpStream) {
    let stop = server.shutdown.deadlines(server.settings.grace).map(|stop| stop.serve);
    let linger = Instant::now() + server.settings.refuse_linger;
    let until = stop.map_or(linger, |stop| stop.min(linger));
    let mut chunk = Chunk::default();
    loop {
        let time = remaining(until, Instant::now());
        let read = stream.set_read_timeout(Some(time)).and_then(|()| chunk.fill(stream));
        if read.map_or(true, <[u8]>::is_empty) || until <= Instant::now() {
            return;
        }
    }
}

/// Tells a client why it is refused, if it was never in, and half-closes.
pub(crate) fn refuse(stream: &TcpStream, refusal: Option<Bytes>) {
    if let Some(pair) = refusal {
        // Nothing was ever sent to it: this fits, or the client is gone.
        let _ = socket::send(stream, &[pair]);
    }
    socket::half_close(stream);
}

/// Throws away what a client has sent so far.
pub(crate) fn drain(stream: &TcpStream) {
    let mut chunk = Chunk::default();
    if stream.set_nonblocking(true).is_ok() {
        // Bounded: a client that floods is not read for ever.
        let mut reads = 0..DRAIN_READS;
        while reads.next().is_some() && chunk.fill(stream).is_ok_and(|bytes| !bytes.is_empty()) {}
    }
}

/// Ends a read that is under way, and every later one, without a word to the client.
pub(crate) fn wake_reader(stream: &TcpStream) {
    // An error means that the connection is gone, and then nobody is blocked reading it.
    let _ = stream.shutdown(net::Shutdown::Read);
}

/// A read buffer that is small while its client says little: a thread holds it while it is parked.
#[derive(Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Whether the last read filled it, so that there may be more.
    filled: bool,
    /// Whether the socket's reads end after a time.
    timed: bool,
}

impl Chunk {
    /// Reads once into a buffer as large as the last read suggests.
    fn fill(&mut self, mut stream: &TcpStream) -> std::io::Result<&[u8]> {
        let size = if self.filled { READ_CHUNK } else { IDLE_CHUNK };
        if self.bytes.len() != size {
            self.bytes = vec![0; size];
        }
        let read = stream.read(&mut self.bytes);
        self.filled = read.as_ref().is_ok_and(|&bytes| bytes == size);
        Ok(&self.bytes[..read?])
    }
}

/// What is left until `deadline`; never nothing, which the standard library refuses as a timeout.
fn remaining(deadline: Instant, now: Instant) -> Duration {
    deadline.saturating_duration_since(now).max(Duration::from_millis(1))
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Bytes a parked thread holds: 9.7 KiB of memory per idle member with it, 22.6 with a buffer of 64 KiB.
const IDLE_CHUNK: usize = 512;

/// Reads before a flooding client that is refused is closed on.
const DRAIN_READS: usize = 64;
