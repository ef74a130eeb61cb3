//! Close: the end of a connection: drain, leave, close, linger.

use std::net::TcpStream;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use server_core::socket::{self, Discarded};
use server_core::{CloseReason, Ending, Session, Wake};

use crate::deliver::{deliver, wake_delivery_thread};
use crate::{Server, poll};

/// Ends a connection. Its member is served what it is owed, then its name is free, then the client sees the
/// end.
pub(crate) fn drain(
    server: &Server,
    stream: &TcpStream,
    session: &Session,
    mut reason: CloseReason,
) {
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
    // With extensions, the other members are notified that this one has left.
    deliver(server, state);
    session.log_end(&reason);
    close(server, stream, session, &reason);
}

/// Closes the connection in the way that its reason demands.
fn close(server: &Server, stream: &TcpStream, session: &Session, reason: &CloseReason) {
    match reason.ending() {
        Ending::Plain => socket::half_close(stream),
        Ending::Abort => {
            socket::reset_on_close(stream);
            // The delivery thread may hold the full socket, and only the last reference closes it.
            wake_delivery_thread(server, &mut server.lock());
        }
        Ending::Refusal => {
            socket::reject(stream, session.rejection(reason));
            linger(server, stream);
        }
    }
}

/// Reads on for a moment: closing with unread bytes would reset the connection, and the client would lose
/// the reason.
fn linger(server: &Server, stream: &TcpStream) {
    let until = server.shutdown.linger_until(&server.settings, Instant::now());
    while Instant::now() < until
        && poll::wait(&mut [PollFd::new(stream, PollFlags::IN)], Some(until)).is_ok()
        && !matches!(socket::discard_input(stream), Ok(Discarded::Eof))
    {}
}
