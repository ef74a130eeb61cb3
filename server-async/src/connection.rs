//! Connection: one client, from its name to its last word.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use server_core::bytes::Bytes;
use server_core::{CloseReason, Ending, READ_CHUNK, Release, Session, Turn, socket};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout_at;

use crate::Server;
use crate::deliver::{Mailbox, deliver, deliver_loop, deliver_to_the_end};

/// A client's task: reads and delivers until there is a reason not to, and sees the client off.
pub(crate) async fn serve(server: &Server, stream: &TcpStream, peer: SocketAddr) {
    let mut session = Session::new(Arc::clone(&server.settings), peer, Instant::now());
    let mailbox = Arc::new(Mailbox::default());
    let mut stopping = server.stopping.subscribe();
    let reason = tokio::select! {
        reason = read_loop(server, stream, &mut session, &mailbox, &mut stopping) => reason,
        reason = deliver_loop(server, stream, &mailbox) => reason,
    };
    depart(server, stream, &session, &mailbox, reason).await;
    server.lock().connections -= 1;
    if server.shutdown.is_triggered() {
        server.wake(Release::Waiters);
    }
}

/// Carries out what the client says, until it ends. The task yields until there is something to read.
async fn read_loop(
    server: &Server,
    stream: &TcpStream,
    session: &mut Session,
    mailbox: &Arc<Mailbox>,
    stopping: &mut watch::Receiver<bool>,
) -> CloseReason {
    loop {
        if let Err(reason) = read(stream, session, stopping).await {
            return reason;
        }
        if let Some(reason) = act(server, session, mailbox).await {
            return reason;
        }
        if server.shutdown.is_triggered() {
            return CloseReason::Shutdown;
        }
    }
}

/// Reads once, for as long as the client may take.
async fn read(
    stream: &TcpStream,
    session: &mut Session,
    stopping: &mut watch::Receiver<bool>,
) -> Result<(), CloseReason> {
    let readable = async {
        tokio::select! {
            biased;
            // Either way the caller looks at the shutdown next.
            _ = stopping.wait_for(|stopping| *stopping) => Ok(()),
            readable = stream.readable() => readable,
        }
    };
    match session.deadline() {
        // Late or not: what the socket has is taken first, and the deadline looked at after it.
        Some(deadline) => timeout_at(deadline.into(), readable).await.unwrap_or(Ok(()))?,
        None => readable.await?,
    }
    take(stream, session)
}

thread_local! {
    /// One read buffer per worker: a task that waits holds none.
    static CHUNK: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_CHUNK].into());
}

/// Takes what the socket has, without waiting.
fn take(stream: &TcpStream, session: &mut Session) -> Result<(), CloseReason> {
    CHUNK.with_borrow_mut(|chunk| {
        match stream.try_read(chunk) {
            Ok(0) => session.end(),
            Ok(bytes) => session.feed(&chunk[..bytes]),
            Err(error) if is_nothing(error.kind()) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    })
}

/// Carries out what has been said, waiting for as long as the room takes nothing.
async fn act(
    server: &Server,
    session: &mut Session,
    mailbox: &Arc<Mailbox>,
) -> Option<CloseReason> {
    // Subscribed to only before the second look, because most acts need no first wait.
    let mut seen = None;
    loop {
        let turn = {
            let mut state = server.lock();
            let turn = session.act(&mut state.room, mailbox, Instant::now());
            mailbox.open(session.member(), &state.room);
            turn
        };
        deliver(server);
        session.log();
        match turn {
            Turn::Read => return session.expired(Instant::now()),
            Turn::Close(reason) => return Some(reason),
            Turn::Wait => match (server.shutdown.deadlines(server.settings.grace), &mut seen) {
                (Some(stop), _) if stop.read <= Instant::now() => {
                    return Some(CloseReason::Shutdown);
                }
                (stop, Some(seen)) => wait_for_room(server, seen, stop.map(|stop| stop.read)).await,
                (_, None) => seen = Some(server.release.subscribe()),
            },
        }
    }
}

/// Yields until the room takes more. Whoever waits for the room also counts the time.
async fn wait_for_room(server: &Server, seen: &mut watch::Receiver<()>, until: Option<Instant>) {
    let until = [until, server.lock().room.deadline()].into_iter().flatten().min();
    server.wait(seen, until).await;
    let late = server.lock().room.overdue(Instant::now());
    for (_, mailbox) in &late {
        mailbox.news.notify_one();
    }
    if !late.is_empty() {
        server.wake(Release::Waiters);
    }
}

/// Sees the client off: it gets what is for it, then its name is free, then it sees the end.
async fn depart(
    server: &Server,
    stream: &TcpStream,
    session: &Session,
    mailbox: &Mailbox,
    mut reason: CloseReason,
) {
    let patience = Instant::now() + server.settings.patience;
    {
        let mut state = server.lock();
        state.reading -= 1;
        server.wake(session.finish(&mut state.room, &reason));
    }
    if server.shutdown.is_triggered() {
        server.wake(Release::Waiters);
    }
    let stop = server.shutdown.deadlines(server.settings.grace).map(|stop| stop.serve);
    let until = if reason == CloseReason::Shutdown { stop.unwrap_or(patience) } else { patience };
    let delivered = deliver_to_the_end(server, stream, session, mailbox);
    if timeout_at(until.into(), delivered).await.is_err() {
        reason = CloseReason::TooSlow;
    }
    server.wake(session.leave(&mut server.lock().room, &mut reason));
    session.log_end(&reason);
    end(server, stream, session, &reason).await;
}

/// Ends the connection as its reason demands.
async fn end(server: &Server, stream: &TcpStream, session: &Session, reason: &CloseReason) {
    match reason.ending() {
        Ending::Plain => socket::half_close(stream),
        Ending::Abort => socket::reset_on_close(stream),
        Ending::Refusal => {
            refuse(stream, session.refusal(reason));
            linger(server, stream).await;
        }
    }
}

/// Reads on for a moment: closing with unread bytes would reset the connection and eat the reason.
pub(crate) async fn linger(server: &Server, stream: &TcpStream) {
    let stop = server.shutdown.deadlines(server.settings.grace).map(|stop| stop.serve);
    let linger = Instant::now() + server.settings.refuse_linger;
    let until = stop.map_or(linger, |stop| stop.min(linger));
    let reads =
        async { while stream.readable().await.is_ok() && drain(stream) == Drained::SoFar {} };
    // Both outcomes mean that it was given its moment.
    let _ = timeout_at(until.into(), reads).await;
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
pub(crate) fn drain(stream: &TcpStream) -> Drained {
    CHUNK.with_borrow_mut(|chunk| {
        // Bounded: a client that floods is not read for ever.
        for _ in 0..DRAIN_READS {
            match stream.try_read(chunk) {
                Ok(0) => return Drained::ToTheEnd,
                Ok(_) => {}
                Err(error) if is_nothing(error.kind()) => return Drained::SoFar,
                Err(_) => return Drained::ToTheEnd,
            }
        }
        Drained::SoFar
    })
}

/// How much of what a client sends has been thrown away.
#[derive(PartialEq, Eq)]
pub(crate) enum Drained {
    SoFar,
    ToTheEnd,
}

fn is_nothing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Reads before a flooding client that is refused is closed on.
const DRAIN_READS: usize = 64;
