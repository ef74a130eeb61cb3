//! Connection: one client, while it is read.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, MutexGuard};
use std::time::Instant;

use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use server_core::socket::{self, READS_PER_TURN};
use server_core::{CloseReason, Next, READ_CHUNK, Session, Wake};

use crate::close::drain;
use crate::deliver::{deliver, hand_over};
use crate::poll::{self, stop_reading};
use crate::{Server, State};

/// A client's thread: reads until there is a reason to stop, then drains and closes.
pub(crate) fn serve(server: &Server, stream: &Arc<TcpStream>, peer: SocketAddr) {
    let mut session = Session::new(Arc::clone(&server.settings), peer, Instant::now());
    let reason = read_loop(server, stream, &mut session);
    drain(server, stream, &session, reason);
    server.lock().connections -= 1;
    if server.shutdown.is_triggered() {
        server.wake(Wake::Waiters);
    }
}

/// Reads the client until its connection ends. The thread is parked while there is nothing to read.
fn read_loop(server: &Server, stream: &Arc<TcpStream>, session: &mut Session) -> CloseReason {
    loop {
        if let Err(error) = wait_for_client(server, stream, session.deadline()) {
            return error.into();
        }
        if server.shutdown.is_triggered() {
            return CloseReason::Shutdown;
        }
        if let Some(reason) = read_some(server, stream, session) {
            return reason;
        }
    }
}

/// Parks the thread until there is something to read or the shutdown is triggered, at most until `until`.
fn wait_for_client(server: &Server, stream: &TcpStream, until: Option<Instant>) -> io::Result<()> {
    let stopping = PollFd::new(&server.stopping, PollFlags::IN);
    poll::wait(&mut [PollFd::new(stream, PollFlags::IN), stopping], until)
}

/// Reads as much as one turn allows, and delivers it in one round.
fn read_some(
    server: &Server,
    stream: &Arc<TcpStream>,
    session: &mut Session,
) -> Option<CloseReason> {
    let mut reads = 0;
    loop {
        let mut more = match read(stream, session) {
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

/// Reads once, without waiting.
fn read(stream: &TcpStream, session: &mut Session) -> Result<More, CloseReason> {
    // Allocated for this read only: a parked thread holds no buffer.
    let mut chunk = Vec::with_capacity(READ_CHUNK);
    match recv(stream, spare_capacity(&mut chunk), RecvFlags::DONTWAIT) {
        Ok((_, 0)) => session.feed_eof(),
        Ok(_) => session.feed(&chunk),
        Err(Errno::INTR) => return Ok(More::Maybe),
        Err(Errno::WOULDBLOCK) => return Ok(More::No),
        Err(error) => return Err(io::Error::from(error).into()),
    }
    Ok(if chunk.len() < READ_CHUNK { More::No } else { More::Maybe })
}

/// Processes what was read, and waits while the room accepts nothing. Then delivers, unless there may be more
/// to read at once.
fn process_input(
    server: &Server,
    stream: &Arc<TcpStream>,
    session: &mut Session,
    more: More,
) -> Option<CloseReason> {
    let mut state = server.lock();
    let reason = loop {
        match session.process_input(&mut state.room, stream, Instant::now()) {
            Next::Read => break session.expired(Instant::now()),
            Next::Wait => {
                let stop = server.shutdown.deadlines(server.settings.grace).map(|stop| stop.read);
                match session.wait_until(stop, Instant::now()) {
                    Ok(until) => state = wait_for_room(server, state, until),
                    Err(reason) => break Some(reason),
                }
            }
            Next::Close(reason) => break Some(reason),
        }
    };
    match more {
        More::Maybe => drop(state),
        More::No => deliver(server, state),
    }
    session.log_activity();
    reason
}

/// Parks the thread until the room accepts messages. The threads that wait for the room also enforce its
/// deadline.
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
    for (_, stream) in &late {
        socket::reset_on_close(stream);
        stop_reading(stream);
    }
    server.wake(Wake::Waiters);
    server.lock()
}

/// Whether there may be more input to read at once.
#[derive(Clone, Copy, PartialEq)]
enum More {
    Maybe,
    No,
}
