//! Connection: one client, from its name to its last word.

use std::io;
use std::net::{self, SocketAddr, TcpStream};
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use server_core::socket::{self, Drained, READS_PER_TURN};
use server_core::{CloseReason, Ending, READ_CHUNK, Session, Turn, Wake};

use crate::deliver::{call_courier, deliver, hand_over};
use crate::{Server, State};

/// A client's thread: reads until there is a reason not to, and sees the client off.
pub(crate) fn serve(server: &Server, stream: &Arc<TcpStream>, peer: SocketAddr) {
    let mut session = Session::new(Arc::clone(&server.settings), peer, Instant::now());
    let reason = read_loop(server, stream, &mut session);
    depart(server, stream, &session, reason);
    server.lock().connections -= 1;
    if server.shutdown.is_triggered() {
        server.wake(Wake::Waiters);
    }
}

/// Carries out what the client says, until it ends. The thread is parked until there is something to read.
fn read_loop(server: &Server, stream: &Arc<TcpStream>, session: &mut Session) -> CloseReason {
    let mut size = CHUNK_MIN;
    loop {
        if let Err(error) = wait_for_client(server, stream, session.deadline()) {
            return error.into();
        }
        if server.shutdown.is_triggered() {
            return CloseReason::Shutdown;
        }
        if let Some(reason) = read_some(server, stream, session, &mut size) {
            return reason;
        }
    }
}

/// Parks the thread until there is something to read or the shutdown has come, `until` at most.
fn wait_for_client(server: &Server, stream: &TcpStream, until: Option<Instant>) -> io::Result<()> {
    let stopping = PollFd::new(&server.stopping, PollFlags::IN);
    wait(&mut [PollFd::new(stream, PollFlags::IN), stopping], until)
}

/// Carries out as much of what the client says as is then delivered in one round.
fn read_some(
    server: &Server,
    stream: &Arc<TcpStream>,
    session: &mut Session,
    size: &mut usize,
) -> Option<CloseReason> {
    let mut reads = 0;
    loop {
        let mut more = match read(stream, session, size) {
            Ok(more) => more,
            Err(reason) => return Some(reason),
        };
        reads += 1;
        if reads == READS_PER_TURN {
            more = More::No;
        }
        let reason = process_input(server, stream, session, more);
        if more == More::No || reason.is_some() {
            return reason;
        }
    }
}

/// Whether there may be more to read at once.
#[derive(Clone, Copy, PartialEq)]
enum More {
    Perhaps,
    No,
}

/// Reads once, without waiting.
fn read(stream: &TcpStream, session: &mut Session, size: &mut usize) -> Result<More, CloseReason> {
    // Only as large as the last read suggests, and held only while there is something in it.
    let mut chunk = Vec::with_capacity(*size);
    match recv(stream, spare_capacity(&mut chunk), RecvFlags::DONTWAIT) {
        Ok((_, 0)) => session.feed_eof(),
        Ok(_) => session.feed(&chunk),
        Err(Errno::INTR) => return Ok(More::Perhaps),
        Err(Errno::WOULDBLOCK) => return Ok(More::No),
        Err(error) => return Err(io::Error::from(error).into()),
    }
    let more = if chunk.len() < *size { More::No } else { More::Perhaps };
    *size = if chunk.len() < CHUNK_MIN { CHUNK_MIN } else { READ_CHUNK };
    Ok(more)
}

/// Parks the thread until one of these happens, `until` at most.
pub(crate) fn wait(waits: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<()> {
    let time = until.map(|until| until.saturating_duration_since(Instant::now()));
    let time = time.map(|time| Timespec::try_from(time).expect("a day of seconds fits"));
    match poll(waits, time.as_ref()) {
        // A signal that another thread should have got: whoever waits looks again.
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Carries out what has been said, waiting for as long as the room takes nothing, and delivers it unless more may
/// be read at once.
fn process_input(
    server: &Server,
    stream: &Arc<TcpStream>,
    session: &mut Session,
    more: More,
) -> Option<CloseReason> {
    let mut state = server.lock();
    let reason = loop {
        match session.process_input(&mut state.room, stream, Instant::now()) {
            Turn::Read => break session.expired(Instant::now()),
            Turn::Close(reason) => break Some(reason),
            Turn::Wait => {
                let stop = server.shutdown.deadlines(server.settings.grace).map(|stop| stop.read);
                match session.wait_until(stop, Instant::now()) {
                    Ok(until) => state = wait_for_room(server, state, until),
                    Err(reason) => break Some(reason),
                }
            }
        }
    };
    match more {
        More::Perhaps => drop(state),
        More::No => deliver(server, state),
    }
    session.log_activity();
    reason
}

/// Parks the thread until the room takes more. Whoever waits for the room also counts the time.
pub(crate) fn wait_for_room<'a>(
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
    server.wake(Wake::Waiters);
    server.lock()
}

/// Sees the client off: it gets what is for it, then its name is free, then it sees the end.
fn depart(server: &Server, stream: &TcpStream, session: &Session, mut reason: CloseReason) {
    let until = server.shutdown.serve_until(&server.settings, &reason, Instant::now());
    let mut state = server.lock();
    state.reading -= 1;
    server.wake(session.drain(&mut state.room, &reason));
    deliver(server, state);
    if server.shutdown.is_triggered() {
        server.wake(Wake::Waiters);
    }
    state = server.lock();
    while !session.is_drained(&state.room) {
        if until <= Instant::now() {
            reason = CloseReason::TooSlow;
            break;
        }
        state = server.wait(state, Some(until));
    }
    server.wake(session.leave(&mut state.room, &mut reason));
    // The others are told that it has left, with extensions.
    deliver(server, state);
    session.log_end(&reason);
    end(server, stream, session, &reason);
}

/// Ends the connection as its reason demands.
fn end(server: &Server, stream: &TcpStream, session: &Session, reason: &CloseReason) {
    match reason.ending() {
        Ending::Plain => socket::half_close(stream),
        Ending::Abort => {
            socket::reset_on_close(stream);
            // The courier may hold the socket as one that is full, and only the last hold closes it.
            call_courier(server, &mut server.lock());
        }
        Ending::Refusal => {
            socket::reject(stream, session.rejection(reason));
            linger(server, stream);
        }
    }
}

/// Reads on for a moment: closing with unread bytes would reset the connection and eat the reason.
fn linger(server: &Server, stream: &TcpStream) {
    let until = server.shutdown.linger_until(&server.settings, Instant::now());
    while Instant::now() < until
        && wait(&mut [PollFd::new(stream, PollFlags::IN)], Some(until)).is_ok()
        && !matches!(socket::drain(stream), Ok(Drained::Eof))
    {}
}

/// Ends the wait to read, and every later one, without a word to the client.
pub(crate) fn wake_reader(stream: &TcpStream) {
    // An error means that the connection is gone, and then nobody is parked for it.
    let _ = stream.shutdown(net::Shutdown::Read);
}

/// Bytes read at a time from a client that says little.
const CHUNK_MIN: usize = 2048;
