//! Connection: one client, from its name to its last word.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use server_core::socket::{self, Drained, READS_PER_TURN};
use server_core::{CloseReason, Ending, READ_CHUNK, Release, Session, Turn};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::timeout_at;

use crate::Server;
use crate::deliver::{Contact, deliver, deliver_loop, deliver_to_the_end};

/// A client's task: reads and delivers until there is a reason not to, and sees the client off.
pub(crate) async fn serve(server: &Server, mut stream: TcpStream, peer: SocketAddr) {
    let mut session = Session::new(Arc::clone(&server.settings), peer, Instant::now());
    let contact = Arc::new(Contact::default());
    let (mut reader, writer) = stream.split();
    let reason = tokio::select! {
        reason = read_loop(server, &mut reader, &mut session, &contact) => reason,
        reason = deliver_loop(server, writer.as_ref(), &contact) => reason,
    };
    depart(server, &stream, &session, &contact, reason).await;
    server.lock().connections -= 1;
    if server.shutdown.is_triggered() {
        server.wake(Release::Waiters);
    }
}

/// Carries out what the client says, until it ends. The task yields until there is something to read.
async fn read_loop(
    server: &Server,
    reader: &mut ReadHalf<'_>,
    session: &mut Session,
    contact: &Arc<Contact>,
) -> CloseReason {
    let mut stopping = server.stopping.subscribe();
    let mut reads = 0;
    loop {
        match read(reader, session, &mut stopping).await {
            Ok(Chunk::Filled) => reads += 1,
            Ok(Chunk::NotFilled) => reads = 0,
            Err(reason) => return reason,
        }
        if let Some(reason) = act(server, session, contact).await {
            return reason;
        }
        if server.shutdown.is_triggered() {
            return CloseReason::Shutdown;
        }
        if reads == READS_PER_TURN {
            // A client that floods never has to be waited for: the others get their turn all the same.
            reads = 0;
            yield_now().await;
        }
    }
}

/// Reads once, for as long as the client may take.
async fn read(
    reader: &mut ReadHalf<'_>,
    session: &mut Session,
    stopping: &mut watch::Receiver<bool>,
) -> Result<Chunk, CloseReason> {
    let deadline = session.deadline();
    let read = async {
        tokio::select! {
            biased;
            // Either way the caller looks at the shutdown and at the deadline next.
            _ = stopping.wait_for(|stopping| *stopping) => Ok(Chunk::NotFilled),
            read = poll_fn(|context| poll_read(reader, session, context)) => read,
        }
    };
    let read = match deadline {
        Some(deadline) => timeout_at(deadline.into(), read).await.unwrap_or(Ok(Chunk::NotFilled)),
        None => read.await,
    };
    Ok(read?)
}

thread_local! {
    /// One read buffer per worker: a task that waits holds none.
    static CHUNK: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_CHUNK].into());
}

/// Whether there may be more to read at once.
enum Chunk {
    Filled,
    NotFilled,
}

/// Hands to the session what the socket has.
fn poll_read(
    reader: &mut ReadHalf<'_>,
    session: &mut Session,
    context: &mut Context<'_>,
) -> Poll<io::Result<Chunk>> {
    CHUNK.with_borrow_mut(|chunk| {
        let mut chunk = ReadBuf::new(chunk);
        while let Err(error) = ready!(Pin::new(&mut *reader).poll_read(context, &mut chunk)) {
            // A signal that another thread should have got.
            if error.kind() != ErrorKind::Interrupted {
                return Poll::Ready(Err(error));
            }
        }
        match chunk.filled() {
            [] => session.end(),
            bytes => session.feed(bytes),
        }
        Poll::Ready(Ok(if chunk.remaining() == 0 { Chunk::Filled } else { Chunk::NotFilled }))
    })
}

/// Carries out what has been said, waiting for as long as the room takes nothing.
async fn act(
    server: &Server,
    session: &mut Session,
    contact: &Arc<Contact>,
) -> Option<CloseReason> {
    // Subscribed to only before the second look, because most acts need no first wait.
    let mut seen = None;
    loop {
        let turn = {
            let mut state = server.lock();
            let turn = session.act(&mut state.room, contact, Instant::now());
            contact.open(session.member());
            deliver(server, state);
            turn
        };
        session.log();
        match turn {
            Turn::Read => return session.expired(Instant::now()),
            Turn::Close(reason) => return Some(reason),
            Turn::Wait => {
                let stop = server.shutdown.deadlines(server.settings.grace).map(|stop| stop.read);
                match (session.wait_until(stop, Instant::now()), &mut seen) {
                    (Err(reason), _) => return Some(reason),
                    (Ok(_), None) => seen = Some(server.release.subscribe()),
                    (Ok(until), Some(seen)) => wait_for_room(server, seen, until).await,
                }
            }
        }
    }
}

/// Yields until the room takes more. Whoever waits for the room also counts the time.
pub(crate) async fn wait_for_room(
    server: &Server,
    seen: &mut watch::Receiver<()>,
    until: Option<Instant>,
) {
    let until = [until, server.lock().room.deadline()].into_iter().flatten().min();
    server.wait(seen, until).await;
    let late = {
        let mut state = server.lock();
        let late = state.room.overdue(Instant::now());
        deliver(server, state);
        late
    };
    for (_, contact) in &late {
        contact.news.notify_one();
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
    contact: &Contact,
    mut reason: CloseReason,
) {
    let until = server.shutdown.serve_until(&server.settings, &reason, Instant::now());
    {
        let mut state = server.lock();
        state.reading -= 1;
        server.wake(session.finish(&mut state.room, &reason));
        deliver(server, state);
    }
    if server.shutdown.is_triggered() {
        server.wake(Release::Waiters);
    }
    let delivered = deliver_to_the_end(server, stream, session, contact);
    if timeout_at(until.into(), delivered).await.is_err() {
        reason = CloseReason::TooSlow;
    }
    {
        let mut state = server.lock();
        server.wake(session.leave(&mut state.room, &mut reason));
        // The others are told that it has left, with extensions.
        deliver(server, state);
    }
    session.log_end(&reason);
    end(server, stream, session, &reason).await;
}

/// Ends the connection as its reason demands.
async fn end(server: &Server, stream: &TcpStream, session: &Session, reason: &CloseReason) {
    match reason.ending() {
        Ending::Plain => socket::half_close(stream),
        Ending::Abort => socket::reset_on_close(stream),
        Ending::Refusal => {
            socket::refuse(stream, session.refusal(reason));
            linger(server, stream).await;
        }
    }
}

/// Reads on for a moment: closing with unread bytes would reset the connection and eat the reason.
pub(crate) async fn linger(server: &Server, stream: &TcpStream) {
    let until = server.shutdown.linger_until(&server.settings, Instant::now());
    let reads = async {
        while stream.readable().await.is_ok() && !matches!(drain(stream), Ok(Drained::ToTheEnd)) {
            yield_now().await;
        }
    };
    // Both outcomes mean that it was given its moment.
    let _ = timeout_at(until.into(), reads).await;
}

/// Throws away what a client has sent so far.
fn drain(stream: &TcpStream) -> io::Result<Drained> {
    stream.try_io(Interest::READABLE, || socket::drain(stream))
}
