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

/// How far everybody has been called. It stands beside the room, under the same lock.
#[derive(Default)]
pub(crate) struct Delivery {
    /// The room's head when the last round of calls began: of what came later nobody has been told yet.
    woken_head: u64,
    /// Where that round goes on; `None` if it has come to its end.
    from: Option<usize>,
    /// Where the log ended when it began.
    begun: u64,
    /// The task that goes on with it.
    caller: Option<Waker>,
}

/// Calls those members' tasks that have something new; each delivers it to its own client. What is appended
/// during a round of calls rides along.
pub(crate) fn deliver(mut state: MutexGuard<'_, State>) {
    let mut called: Vec<Waker> = Vec::new();
    while let Some(member) = state.room.next_direct() {
        called.extend(state.room.handle(member).cloned());
    }
    if state.delivery.from.is_none() {
        call_some(&mut state, &mut called);
        if state.delivery.from.is_some() {
            called.extend(state.delivery.caller.clone());
        }
    }
    drop(state);
    called.into_iter().for_each(Waker::wake);
}

/// Calls the next of those who are behind, in a new round if there is something new since the last began.
fn call_some(state: &mut State, called: &mut Vec<Waker>) {
    let State { room, delivery, .. } = state;
    if delivery.from.is_none() && has_news(room, delivery) {
        delivery.woken_head = room.head();
        delivery.from = Some(0);
        delivery.begun = room.head();
    }
    for _ in 0..members_per_turn(room.head() - delivery.begun) {
        let Some(from) = delivery.from else { return };
        let next = room.next_to_wake(from);
        delivery.from = next.map(MemberId::next_place);
        called.extend(next.and_then(|member| room.handle(member).cloned()));
    }
}

fn has_news(room: &Room<Waker>, delivery: &Delivery) -> bool {
    delivery.woken_head != room.head()
}

/// Goes on with the rounds of calls that others have begun. Between two calls it yields, so that what clients say
/// meanwhile is read, and delivered with the rest.
pub(crate) async fn call_loop(server: &Server) {
    loop {
        poll_fn(|context| {
            let State { room, delivery, .. } = &mut *server.lock();
            // A task has one waker for as long as it lives.
            delivery.caller.get_or_insert_with(|| context.waker().clone());
            let goes_on = delivery.from.is_some() || has_news(room, delivery);
            if goes_on { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        yield_now().await;
        let mut called = Vec::new();
        call_some(&mut server.lock(), &mut called);
        called.into_iter().for_each(Waker::wake);
    }
}

/// What reading and delivering, the two halves of a client's task, know of each other.
#[derive(Default)]
pub(crate) struct Halves {
    /// Which member it is, once it has joined.
    pub(crate) member: OnceLock<MemberId>,
    /// Whether something was read since the last delivery.
    pub(crate) has_read: AtomicBool,
}

/// Delivers for as long as the member is one; before it has joined there is nothing to deliver.
pub(crate) async fn deliver_loop(
    server: &Server,
    stream: &TcpStream,
    halves: &Halves,
) -> CloseReason {
    poll_fn(|context| {
        let Some(member) = halves.member.get() else { return Poll::Pending };
        if halves.has_read.swap(false, Ordering::Relaxed) {
            // Others may have something to say, too: it is delivered in one write, in this task's next turn.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match poll_deliver(server, stream, *member, context) {
            Poll::Ready(Err(reason)) => Poll::Ready(reason),
            // The task is called when there is more.
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Delivers until a member that finishes has all that is for it.
pub(crate) async fn deliver_to_the_end(server: &Server, stream: &TcpStream, session: &Session) {
    let Some(member) = session.member() else { return };
    poll_fn(|context| {
        let delivered = poll_deliver(server, stream, member, context);
        match delivered.map_ok(|()| session.is_drained(&server.lock().room)) {
            Poll::Ready(Ok(true) | Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(false)) | Poll::Pending => Poll::Pending,
        }
    })
    .await;
}

/// Offers one member what comes next for it until it has everything. The task yields while the socket
/// is full, and after each offer that was not the last.
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
            Offered::All => return Poll::Ready(Ok(())),
            Offered::Some => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Offered::Full => {}
        }
    }
}

/// What became of an offer.
enum Offered {
    /// The member has everything.
    All,
    /// There is more for it.
    Some,
    /// Its socket took less than it was offered.
    Full,
}

thread_local! {
    /// One offer per worker: a task that waits holds none.
    static BATCH: RefCell<WriteBatch> = RefCell::default();
}

/// Offers one member what comes next for it, with the room free meanwhile.
fn deliver_to(
    server: &Server,
    stream: &TcpStream,
    member: MemberId,
) -> Result<Offered, CloseReason> {
    BATCH.with_borrow_mut(|offer| {
        let mut state = server.lock();
        if state.room.next_batch(member, offer, Instant::now()).is_none() {
            return gone(&state, member).map_or(Ok(Offered::All), Err);
        }
        drop(state);
        let sent = stream.try_io(Interest::WRITABLE, || socket::write_batch(stream, offer));
        state = server.lock();
        let release = state.room.advance(member, offer, sent);
        offer.clear();
        server.wake(release);
        let outcome = match gone(&state, member) {
            Some(reason) => Err(reason),
            None if state.room.is_full(member) => Ok(Offered::Full),
            None if state.room.is_behind(member) => Ok(Offered::Some),
            None => Ok(Offered::All),
        };
        if release == Wake::Waiters {
            // At the end of this member the others may be told that it has left.
            deliver(state);
        }
        outcome
    })
}

/// Why somebody is a member no longer.
fn gone(state: &State, member: MemberId) -> Option<CloseReason> {
    state.room.name(member).is_none().then(|| state.room.close_reason(member))
}
