//! Deliver: moves every member's cursor, each in its own task.

use std::cell::RefCell;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{MutexGuard, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use server_core::socket::{self, members_per_turn};
use server_core::{CloseReason, MemberId, Room, Session, Wake, WriteBatch};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::task::yield_now;

use crate::{Server, State};

/// How far the members' tasks were woken. It is under the same lock as the room.
#[derive(Default)]
pub(crate) struct Delivery {
    /// The log's head when the last round of wake-ups began. Later bytes need another round.
    round_head: u64,
    /// The place at which the round in progress goes on; `None` between two rounds.
    next_place: Option<usize>,
    /// The task that goes on with it.
    wake_task: Option<Waker>,
}

impl Delivery {
    /// Whether there is something new for all members that no round has looked at.
    fn has_news(&self, room: &Room<Waker>) -> bool {
        self.round_head != room.head()
    }
}

/// Wakes the tasks of the members that have something new. Each delivers to its own client. A round of wake-ups
/// in progress includes what is appended meanwhile.
pub(crate) fn deliver(mut state: MutexGuard<'_, State>) {
    let mut woken: Vec<Waker> = Vec::new();
    while let Some(member) = state.room.next_to_serve() {
        woken.extend(state.room.handle(member).cloned());
    }
    if state.delivery.next_place.is_none() {
        round(&mut state, &mut woken);
        if state.delivery.next_place.is_some() {
            woken.extend(state.delivery.wake_task.clone());
        }
    }
    drop(state);
    woken.into_iter().for_each(Waker::wake);
}

/// Collects the wakers of members that are behind, in a new round if none is in progress and there is something new:
/// of 32 members, or of all that are left if much was appended since the round began.
fn round(state: &mut State, woken: &mut Vec<Waker>) {
    let State { room, delivery, .. } = state;
    if delivery.next_place.is_none() && delivery.has_news(room) {
        delivery.round_head = room.head();
        delivery.next_place = Some(0);
    }
    for _ in 0..members_per_turn(room.head() - delivery.round_head) {
        let Some(place) = delivery.next_place else { return };
        let next = room.next_to_wake(place);
        delivery.next_place = next.map(MemberId::next_place);
        woken.extend(next.and_then(|member| room.handle(member).cloned()));
    }
}

/// The wake task: goes on with rounds that other tasks began. It yields in between, so that other tasks read their
/// clients; what these say is delivered with the rest.
pub(crate) async fn wake_loop(server: &Server) {
    loop {
        poll_fn(|context| {
            let State { room, delivery, .. } = &mut *server.lock();
            // A task of tokio has one waker for as long as it lives.
            delivery.wake_task.get_or_insert_with(|| context.waker().clone());
            let goes_on = delivery.next_place.is_some() || delivery.has_news(room);
            if goes_on { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        yield_now().await;
        let mut woken = Vec::new();
        round(&mut server.lock(), &mut woken);
        woken.into_iter().for_each(Waker::wake);
    }
}

/// What the two halves of a client's task, reading and delivering, share. `serve` (connection.rs) polls both whenever
/// the task runs, reading first. They never run at once: the atomics only let the task move between workers.
#[derive(Default)]
pub(crate) struct Halves {
    /// The member, once it has joined.
    pub(crate) member: OnceLock<MemberId>,
    /// Whether something was read since the last delivery.
    pub(crate) has_read: AtomicBool,
}

/// Delivers to the member that the task serves, for as long as it lives. Before it has joined there is nothing to
/// deliver.
pub(crate) async fn deliver_loop(
    server: &Server,
    stream: &TcpStream,
    halves: &Halves,
) -> CloseReason {
    poll_fn(|context| {
        let Some(member) = halves.member.get() else { return Poll::Pending };
        if halves.has_read.swap(false, Ordering::Relaxed) {
            // Other tasks may have input to read, too. Delivery waits for this task's next turn, to coalesce it.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match poll_deliver(server, stream, *member, context) {
            Poll::Ready(Err(reason)) => Poll::Ready(reason),
            // The task is woken when there is more.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Delivers until a draining member has received everything that it is owed.
pub(crate) async fn deliver_rest(server: &Server, stream: &TcpStream, session: &Session) {
    let Some(member) = session.member() else { return };
    poll_fn(|context| {
        let delivered = poll_deliver(server, stream, member, context);
        match delivered.map_ok(|()| session.is_drained(&server.lock().room)) {
            Poll::Ready(Ok(true) | Err(_)) => Poll::Ready(()),
            // Something was queued since, and its sender has woken this task.
            Poll::Ready(Ok(false)) | Poll::Pending => Poll::Pending,
        }
    })
    .await;
}

/// Delivers until the member has everything. The task yields while the socket is full, and after each batch that
/// was not the last.
fn poll_deliver(
    server: &Server,
    stream: &TcpStream,
    member: MemberId,
    context: &mut Context<'_>,
) -> Poll<Result<(), CloseReason>> {
    loop {
        match stream.poll_write_ready(context) {
            Poll::Ready(writable) => writable?,
            Poll::Pending => {
                return gone(&server.lock(), member)
                    .map_or(Poll::Pending, |reason| Poll::Ready(Err(reason)));
            }
        }
        match deliver_to(server, stream, member)? {
            Progress::Done => return Poll::Ready(Ok(())),
            Progress::More => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            // The next look at the socket registers the waker, or finds it writable.
            Progress::Full => {}
        }
    }
}

/// What is left after a batch.
enum Progress {
    /// The member has everything.
    Done,
    /// There is more for it.
    More,
    /// Its socket is full.
    Full,
}

thread_local! {
    /// One batch per worker: a task that waits holds none.
    static BATCH: RefCell<WriteBatch> = RefCell::default();
}

/// Writes one member's next batch to its socket, with the room unlocked meanwhile.
fn deliver_to(
    server: &Server,
    stream: &TcpStream,
    member: MemberId,
) -> Result<Progress, CloseReason> {
    BATCH.with_borrow_mut(|batch| {
        let mut state = server.lock();
        if state.room.next_batch(member, batch, Instant::now()).is_none() {
            return gone(&state, member).map_or(Ok(Progress::Done), Err);
        }
        drop(state);
        let written = stream.try_io(Interest::WRITABLE, || socket::write_batch(stream, batch));
        state = server.lock();
        let wake = state.room.advance(member, batch, written);
        batch.clear();
        server.wake(wake);
        let progress = match gone(&state, member) {
            Some(reason) => Err(reason),
            None if state.room.is_full(member) => Ok(Progress::Full),
            None if state.room.is_behind(member) => Ok(Progress::More),
            None => Ok(Progress::Done),
        };
        if wake == Wake::Waiters {
            // If the member was aborted, the room has appended a notice, with extensions.
            deliver(state);
        }
        progress
    })
}

/// Why the room has given the member up; `None` if it has not.
fn gone(state: &State, member: MemberId) -> Option<CloseReason> {
    state.room.name(member).is_none().then(|| state.room.close_reason(member))
}
