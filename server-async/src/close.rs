//! Close: the end of a connection: drain, leave, close, linger.

use std::io;
use std::time::Instant;

use server_core::socket::{self, Discarded};
use server_core::{CloseReason, Ending, Session, Wake};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::yield_now;
use tokio::time::timeout_at;

use crate::Server;
use crate::deliver::{deliver, deliver_rest};

/// Ends a connection. Its member is served what it is owed, then its name is free, then the client sees the
/// end.
pub(crate) async fn drain(
    server: &Server,
    stream: &TcpStream,
    session: &Session,
    mut reason: CloseReason,
) {
    let until = server.shutdown.serve_until(&server.settings, &reason, Instant::now());
    {
        let mut state = server.lock();
        state.reading -= 1;
        server.wake(session.drain(&mut state.room, &reason));
        deliver(state);
    }
    if server.shutdown.is_triggered() {
        server.wake(Wake::Waiters);
    }
    let delivered = deliver_rest(server, stream, session);
    if timeout_at(until.into(), delivered).await.is_err() {
        reason = CloseReason::TooSlow;
    }
    {
        let mut state = server.lock();
        server.wake(session.leave(&mut state.room, &mut reason));
        // With extensions, the other members are notified that this one has left.
        deliver(state);
    }
    session.log_end(&reason);
    close(server, stream, session, &reason).await;
}

/// Closes the connection in the way that its reason demands.
async fn close(server: &Server, stream: &TcpStream, session: &Session, reason: &CloseReason) {
    match reason.ending() {
        Ending::Plain => socket::half_close(stream),
        Ending::Abort => socket::reset_on_close(stream),
        Ending::Refusal => {
            socket::reject(stream, session.rejection(reason));
            linger(server, stream).await;
        }
    }
}

/// Reads on for a moment: closing with unread bytes would reset the connection, and the client would lose
/// the reason.
pub(crate) async fn linger(server: &Server, stream: &TcpStream) {
    let until = server.shutdown.linger_until(&server.settings, Instant::now());
    let reads = async {
        while stream.readable().await.is_ok()
            && !matches!(discard_input(stream), Ok(Discarded::Eof))
        {
            yield_now().await;
        }
    };
    // In both cases the client had its moment.
    let _ = timeout_at(until.into(), reads).await;
}

/// Discards what a client has sent so far.
fn discard_input(stream: &TcpStream) -> io::Result<Discarded> {
    stream.try_io(Interest::READABLE, || socket::discard_input(stream))
}
