//! Connection: one client, while it is read.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use server_core::socket::READS_PER_TURN;
use server_core::{CloseReason, Next, READ_CHUNK, Session, Wake};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::timeout_at;

use crate::Server;
use crate::close::drain;
use crate::deliver::{Halves, deliver, deliver_loop};

/// A client's task: reads and delivers until there is a reason to stop, then drains and closes.
pub(crate) async fn serve(server: &Server, mut stream: TcpStream, peer: SocketAddr, place: usize) {
    // A task of tokio has one waker for as long as it lives.
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
    drain(server, &stream, &session, reason).await;
    server.lock().connections.remove(place);
    if server.shutdown.is_triggered() {
        server.wake(Wake::Waiters);
    }
}

/// Reads the client until its connection ends. The task yields while there is nothing to read.
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
            Ok(More::Maybe) => reads += 1,
            Ok(More::No) => reads = 0,
            Err(reason) => return reason,
        }
        if let Some(reason) = process_input(server, session, waker, halves).await {
            return reason;
        }
        if server.shutdown.is_triggered() {
            return CloseReason::Shutdown;
        }
        if reads == READS_PER_TURN {
            // A read from a client that floods is always ready. The other tasks have their turn all the same.
            reads = 0;
            yield_now().await;
        }
    }
}

/// Reads once. Yields until there is something to read, the shutdown is triggered, or the client's time is up;
/// the caller looks at the latter two next.
async fn read(
    server: &Server,
    reader: &mut ReadHalf<'_>,
    session: &mut Session,
) -> Result<More, CloseReason> {
    let deadline = session.deadline();
    let read = poll_fn(|context| {
        if server.shutdown.is_triggered() {
            return Poll::Ready(Ok(More::No));
        }
        poll_read(reader, session, context)
    });
    let read = match deadline {
        Some(deadline) => timeout_at(deadline.into(), read).await.unwrap_or(Ok(More::No)),
        None => read.await,
    };
    Ok(read?)
}

thread_local! {
    /// One read buffer per worker: a task that waits holds none.
    static CHUNK: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_CHUNK].into());
}

/// Gives the session what the socket has.
fn poll_read(
    reader: &mut ReadHalf<'_>,
    session: &mut Session,
    context: &mut Context<'_>,
) -> Poll<io::Result<More>> {
    CHUNK.with_borrow_mut(|chunk| {
        let mut chunk = ReadBuf::new(chunk);
        while let Err(error) = ready!(Pin::new(&mut *reader).poll_read(context, &mut chunk)) {
            // A signal meant for another thread.
            if error.kind() != ErrorKind::Interrupted {
                return Poll::Ready(Err(error));
            }
        }
        match chunk.filled() {
            [] => session.feed_eof(),
            bytes => session.feed(bytes),
        }
        Poll::Ready(Ok(if chunk.remaining() > 0 { More::No } else { More::Maybe }))
    })
}

/// Processes what was read, waits while the room accepts nothing, and delivers.
async fn process_input(
    server: &Server,
    session: &mut Session,
    waker: &Waker,
    halves: &Halves,
) -> Option<CloseReason> {
    // Subscribed only before the second look, because most input needs no wait.
    let mut seen = None;
    loop {
        let next = {
            let mut state = server.lock();
            let next = session.process_input(&mut state.room, waker, Instant::now());
            if let Some(member) = session.member() {
                halves.member.get_or_init(|| member);
            }
            halves.has_read.store(true, Ordering::Relaxed);
            deliver(state);
            next
        };
        session.log_activity();
        match next {
            Next::Read => return session.expired(Instant::now()),
            Next::Wait => {
                let stop = server.shutdown.deadlines(server.settings.grace).map(|stop| stop.read);
                match (session.wait_until(stop, Instant::now()), &mut seen) {
                    (Err(reason), _) => return Some(reason),
                    (Ok(_), None) => seen = Some(server.waiters.subscribe()),
                    (Ok(until), Some(seen)) => wait_for_room(server, seen, until).await,
                }
            }
            Next::Close(reason) => return Some(reason),
        }
    }
}

/// Yields until the room accepts messages. The tasks that wait for the room also enforce its deadline.
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
    if late.is_empty() {
        return;
    }
    for (_, waker) in &late {
        waker.wake_by_ref();
    }
    server.wake(Wake::Waiters);
}

/// Whether there may be more input to read at once.
enum More {
    Maybe,
    No,
}
