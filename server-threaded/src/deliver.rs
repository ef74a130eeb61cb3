//! Deliver: moves every member's cursor, one thread at a time.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Instant;

use server_core::{MemberId, WriteBatch};

// Everything that waits, wakes or writes is named through the crate: tests/hand_over.rs compiles this file with
// stand-ins of its own.
use crate::poll::{self, Block};
use crate::{MEMBERS_PER_TURN, MutexGuard, Server, State, socket};

/// How far the members were served, and by which thread. It is under the same lock as the room (`State` in
/// lib.rs): a thread that appends learns in the same critical section whether another one will deliver.
#[derive(Default)]
pub(crate) struct Delivery {
    deliverer: Deliverer,
    /// The log's head when the last round began. Some members have received later bytes, too; another round serves
    /// the others.
    round_head: u64,
    /// Whether a member was left behind: its batch was full, or the rest was not frozen yet.
    more: bool,
    /// The place at which the round in progress goes on; `None` between two rounds.
    next_place: Option<usize>,
    /// The thread that began the last round. If another one begins the next, several threads have something to say,
    /// and a yield may save rounds.
    last: Option<ThreadId>,
    /// Whether the delivery thread is parked or about to be, and was not woken since.
    parked: bool,
    stopped: bool,
}

/// Which thread makes rounds.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Deliverer {
    #[default]
    None,
    /// A thread that appended.
    Appender,
    /// The delivery thread, which may still have to be scheduled.
    DeliveryThread,
}

/// What a turn left undone.
#[derive(Default)]
struct Left {
    /// A member was left behind although its socket is not full.
    more: bool,
    /// A socket has become full: the delivery thread waits until it is writable.
    filled: bool,
}

/// Delivers, unless there is nothing new or another thread is delivering. That thread looks for news before it
/// stops, so it also delivers what this one appended. After some members the delivery thread takes over: this thread
/// has a client to read. The lock comes from the caller, so that nothing happens between the append and the look at
/// the deliverer; it is released during each write.
pub(crate) fn deliver<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) {
    if !needs_deliverer(&state) {
        return;
    }
    let (mut filled, mut members_left) = (false, MEMBERS_PER_TURN);
    loop {
        state.delivery.deliverer = Deliverer::Appender;
        let left;
        (state, left) = round(server, state, &mut members_left);
        filled |= left.filled;
        // It goes on if there is more, and if the rest of its turn is enough for a whole round.
        if state.delivery.deliverer == Deliverer::None || members_left < state.room.len() {
            break;
        }
    }
    if state.delivery.deliverer == Deliverer::DeliveryThread || filled {
        wake_delivery_thread(server, &mut state);
    }
}

/// Leaves to the delivery thread what this thread appended and cannot deliver, because it must wait.
pub(crate) fn hand_over(server: &Server, state: &mut State) {
    if needs_deliverer(state) {
        state.delivery.deliverer = Deliverer::DeliveryThread;
        wake_delivery_thread(server, state);
    }
}

/// Whether there is something new, and no thread that will deliver it.
fn needs_deliverer(state: &State) -> bool {
    state.delivery.deliverer == Deliverer::None && has_news(state)
}

/// Whether there is something that no round has looked at.
fn has_news(state: &State) -> bool {
    state.delivery.round_head != state.room.head() || state.room.to_serve() > 0
}

/// Serves the members that are to be served apart from a round, and then, if there is something new for all, every
/// member that is behind. The round stops after `members_left` members and goes on later.
fn round<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    members_left: &mut usize,
) -> (MutexGuard<'a, State>, Left) {
    state = begin_round(server, state);
    let (mut left, mut batch) = (Left::default(), WriteBatch::default());
    for _ in 0..state.room.to_serve() {
        let Some(member) = state.room.next_to_serve() else { break };
        state = serve_member(server, state, member, &mut left, &mut batch);
        *members_left = members_left.saturating_sub(1);
    }
    while let Some(place) = state.delivery.next_place
        && *members_left > 0
    {
        let next = state.room.next_behind(place);
        state.delivery.next_place = next.map(MemberId::next_place);
        let Some(member) = next else { break };
        state = serve_member(server, state, member, &mut left, &mut batch);
        *members_left -= 1;
    }
    end_turn(&mut state, &left);
    (state, left)
}

/// Begins a round, unless one is in progress or there is nothing new.
fn begin_round<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    if state.delivery.next_place.is_some() {
        return state;
    }
    let me = Some(thread::current().id());
    let is_alone = std::mem::replace(&mut state.delivery.last, me) == me;
    if !is_alone && state.room.len() >= YIELD_MEMBERS_MIN {
        // Other threads that have something to append usually do so now, and share the round.
        drop(state);
        thread::yield_now();
        state = server.lock();
    }
    let had_more = std::mem::take(&mut state.delivery.more);
    if had_more || state.delivery.round_head != state.room.head() {
        state.delivery.round_head = state.room.head();
        state.delivery.next_place = Some(0);
    }
    state
}

/// Serves one member and records what is left. The delivery thread waits for the sockets that are full.
fn serve_member<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    member: MemberId,
    left: &mut Left,
    batch: &mut WriteBatch,
) -> MutexGuard<'a, State> {
    if state.room.is_full(member) {
        return state;
    }
    state = deliver_to(server, state, member, batch);
    let is_full = state.room.is_full(member);
    left.filled |= is_full;
    left.more |= !is_full && state.room.is_behind(member);
    state
}

/// Decides which thread delivers next: none, or the delivery thread. (`deliver` may take over again, under this lock.)
/// The last look for news and the decision are one critical section, so nothing that was appended is left without a
/// deliverer.
fn end_turn(state: &mut State, left: &Left) {
    state.delivery.more |= left.more;
    let goes_on = state.delivery.more || state.delivery.next_place.is_some() || has_news(state);
    state.delivery.deliverer = if goes_on { Deliverer::DeliveryThread } else { Deliverer::None };
}

/// Writes one member's next batch to its socket, with the room unlocked meanwhile.
fn deliver_to<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    member: MemberId,
    batch: &mut WriteBatch,
) -> MutexGuard<'a, State> {
    let Some(stream) = state.room.next_batch(member, batch, Instant::now()).cloned() else {
        return state;
    };
    drop(state);
    let written = socket::write_batch(&stream, batch);
    state = server.lock();
    let wake = state.room.advance(member, batch, written);
    server.wake(wake);
    if state.room.name(member).is_some() {
        return state;
    }
    // The room has given the member up, and its thread does not know yet.
    drop(state);
    poll::stop_reading(&stream);
    // If this is the last reference, it closes the socket: not under the lock.
    drop(stream);
    server.lock()
}

/// Starts the delivery thread.
pub(crate) fn start_delivery_thread(server: &Arc<Server>) -> io::Result<JoinHandle<()>> {
    let server = Arc::clone(server);
    thread::Builder::new().name("delivery".into()).spawn(move || delivery_thread(&server))
}

/// Takes over rounds that are too long for the thread that began them, and is parked between them.
pub(crate) fn delivery_thread(server: &Server) {
    let mut state = server.lock();
    while !state.delivery.stopped {
        state = match state.delivery.deliverer {
            Deliverer::DeliveryThread => long_round(server, state),
            Deliverer::None | Deliverer::Appender => park(server, state),
        };
    }
}

/// Makes a round, or goes on with one. If a whole round filled sockets and no write took a byte, the poll reports
/// sockets writable that are not: the kernel has no memory for them. Another try at once would only use the processor.
fn long_round<'a>(server: &'a Server, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    let (writes, is_part) = (state.room.counters().writes, state.delivery.next_place.is_some());
    let (state, left) = round(server, state, &mut { MEMBERS_PER_TURN });
    let is_part = is_part || state.delivery.next_place.is_some();
    if !is_part && left.filled && state.room.counters().writes == writes {
        drop(state);
        server.wake_pipe.back_off();
        return server.lock();
    }
    if state.delivery.next_place.is_none() && state.delivery.deliverer == Deliverer::DeliveryThread
    {
        // In a room that is never silent this thread is never parked, so it looks at the full sockets here.
        return unblock_writable(server, state, Block::No);
    }
    state
}

/// Parks the delivery thread until it is woken or a full socket is writable.
fn park<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    state.delivery.parked = true;
    state = unblock_writable(server, state, Block::UntilWoken);
    state.delivery.parked = false;
    // A round in progress finds the rest itself.
    if needs_deliverer(&state) {
        state.delivery.deliverer = Deliverer::DeliveryThread;
    }
    state
}

/// Lets rounds include the members whose full sockets are writable again.
fn unblock_writable<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    block: Block,
) -> MutexGuard<'a, State> {
    let full = state.room.full();
    if full.is_empty() && block == Block::No {
        return state;
    }
    drop(state);
    let writable = server.wake_pipe.wait(&full, block);
    // The last reference to a socket closes it: not under the lock.
    drop(full);
    state = server.lock();
    for member in writable {
        state.room.unblock(member);
    }
    state
}

/// Makes the delivery thread look for something to do.
pub(crate) fn wake_delivery_thread(server: &Server, state: &mut State) {
    if std::mem::take(&mut state.delivery.parked) {
        server.wake_pipe.wake();
    }
}

/// Ends the delivery thread.
pub(crate) fn stop_delivery_thread(server: &Server, state: &mut State) {
    state.delivery.stopped = true;
    wake_delivery_thread(server, state);
}

/// In a room of this size a message costs far more than the yield that may save a round.
const YIELD_MEMBERS_MIN: usize = 8;
