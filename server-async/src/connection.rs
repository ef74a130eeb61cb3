//! Connection: one client, from its name to its last word.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use server_core::socket::{self, Drained, READS_PER_TURN};
use server_core::{CloseReason, Ending, READ_CHUNK, Session, Turn, Wake};
use tokio::io::{AsyncRead, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::timeout_at;

use crate::Server;
use crate::deliver::{Halves, deliver, deliver_loop, deliver_to_the_end};

/// A client's task: reads and delivers until there is a reason not to, and sees the client off.
pub(crate) async fn serve(server: &Server, mut stream: TcpStream, peer: SocketAddr, place: usize) {
    // A task has one waker for as long as it lives.
    let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
    server.lock().connections[place].clone_from(&waker);
    let mut session = Session::new(Arc::clone(&server.settings), peer, Instant::now());
    let halves = Halves::default();
    let (mut reader, writer) = stream.split();
    let reason = tokio::select! {
        biased;
        reason = read_loop(server, &mut reader, &mut session, &waker, &halves) => reason,
        reason = deliver_loop(server, writer.as_ref(), &halves) => reason,
    };
    depart(server, &stream, &session, reason).await;
    server.lock().connections.remove(place);
    if server.shutdown.is_triggered() {
        server.wake(Wake::Waiters);
    }
}

/// Carries out what the client says, until it ends. The task yields until there is something to read.
async fn read_loop(
    server: &Server,
    reader: &mut ReadHalf<'_>,
    session: &mut Session,
    waker: &Waker,
    halves: &Halves,
) -> CloseReason {
    let mut reads = 0;
    loop {
        match read(server, reader, session).await {
            Ok(Chunk::Filled) => reads += 1,
            Ok(Chunk::NotFilled) => reads = 0,
            Err(reason) => return reason,
        }
        if let Some(reason) = process_input(server, session, waker, halves).await {
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
    server: &Server,
    reader: &mut ReadHalf<'_>,
    session: &mut Session,
) -> Result<Chunk, CloseReason> {
    let deadline = session.deadline();
    let read = poll_fn(|context| {
        if server.shutdown.is_triggered() {
            return Poll::Ready(Ok(Chunk::NotFilled));
        }
        poll_read(reader, session, context)
    });
    // Either way the caller looks at the shutdown and at the deadline next.
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
            [] => session.feed_eof(),
            bytes => session.feed(bytes),
        }
        Poll::Ready(Ok(if chunk.remaining() == 0 { Chunk::Filled } else { Chunk::NotFilled }))
    })
}

/// Carries out what has been said, waiting for as long as the room takes nothing.
async fn process_input(
    server: &Server,
    session: &mut Session,
    waker: &Waker,
    halves: &Halves,
) -> Option<CloseReason> {
    // Subscribed to only before the second look, because most acts need no first wait.
    let mut seen = None;
    loop {
        let turn = {
            let mut state = server.lock();
            let turn = session.process_input(&mut state.room, waker, Instant::now());
            if let Some(member) = session.member() {
                halves.member.get_or_init(|| member);
            }
            halves.has_read.store(true, Ordering::Relaxed);
            deliver(state);
            turn
        };
        session.log_activity();
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
        deliver(state);
        late
    };
    for (_, waker) in &late {
        waker.wake_by_ref();
    }
    if !late.is_empty() {
        server.wake(Wake::Waiters);
    }
}

/// Sees the client off: it gets what is for it, then its name is free, then it sees the end.
async fn depart(server: &Server, stream: &TcpStream, session: &Session, mut reason: CloseReason) {
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
    let delivered = deliver_to_the_end(server, stream, session);
    if timeout_at(until.into(), delivered).await.is_err() {
        reason = CloseReason::TooSlow;
    }
    {
        let mut state = server.lock();
        server.wake(session.leave(&mut state.room, &mut reason));
        // The others are told that it has left, with extensions.
        deliver(state);
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
            socket::reject(stream, session.rejection(reason));
            linger(server, stream).await;
        }
    }
}

/// Reads on for a moment: closing with unread bytes would reset the connection and eat the reason.
pub(crate) async fn linger(server: &Server, stream: &TcpStream) {
    let until = server.shutdown.linger_until(&server.settings, Instant::now());
    let reads = async {
        while stream.readable().await.is_ok() && !matches!(drain(stream), Ok(Drained::Eof)) {
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
