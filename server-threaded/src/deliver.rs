//! Deliver: moves every member's cursor, one writer at a time.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Instant;

use server_core::{MemberId, WriteBatch};

// Whatever waits, wakes or sends is named through the crate: tests/hand_over.rs compiles this file with
// models in their place.
use crate::{MutexGuard, SENDS, Server, State, connection, socket};

/// Who is delivering. It stands beside the room, under the same lock, so that whoever appends learns in
/// the same moment whether somebody will deliver it.
pub(crate) struct Delivery {
    who: Who,
    /// The room's head when the last round began: what came later is not delivered yet.
    served_head: u64,
    /// Where that round goes on; `None` if it has come to its end.
    from: Option<usize>,
    /// Who began it.
    last: Option<ThreadId>,
    /// Somebody had more to get than one offer holds.
    more: bool,
    /// Whether the courier is parked, or is on its way there with nothing to do, and was not called since.
    parked: bool,
    stopped: bool,
}

/// Who makes a round.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Nobody,
    /// The thread that appended.
    Appender,
    /// The courier does, or has been told to.
    Courier,
}

/// What a round left undone.
#[derive(Default)]
struct Left {
    /// Somebody had more to get than one offer holds.
    more: bool,
    /// A socket has become full: the courier waits until it can take more.
    filled: bool,
}

/// Delivers, unless there is nothing new or somebody else is at it: then what was appended rides along,
/// because that somebody looks again before it ends. After some sends the rest is the courier's: this thread has
/// a client to read.
pub(crate) fn deliver<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) {
    if !is_left_to_nobody(&state) {
        return;
    }
    let (mut filled, mut sends) = (false, SENDS);
    loop {
        state.delivery.who = Who::Appender;
        let left;
        (state, left) = round(server, state, &mut sends);
        filled |= left.filled;
        if state.delivery.who == Who::Nobody || sends < state.room.len() {
            break;
        }
    }
    if state.delivery.who == Who::Courier || filled {
        call_courier(server, &mut state);
    }
}

/// Has the courier deliver what this thread appended and cannot deliver itself.
pub(crate) fn hand_over(server: &Server, state: &mut State) {
    if is_left_to_nobody(state) {
        state.delivery.who = Who::Courier;
        call_courier(server, state);
    }
}

fn is_left_to_nobody(state: &State) -> bool {
    state.delivery.who == Who::Nobody && has_news(state)
}

/// Whether there is something for everybody or for somebody alone that no round has looked at.
fn has_news(state: &State) -> bool {
    state.delivery.served_head != state.room.head() || state.room.direct_pending() > 0
}

/// Serves those who have something for themselves alone, and then, if there is something new for all or
/// somebody was left with more, every member that is behind: `sends` of them at most, before the round is left to
/// be gone on with.
fn round<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    sends: &mut usize,
) -> (MutexGuard<'a, State>, Left) {
    state = begin(server, state);
    let (mut left, mut offer) = (Left::default(), WriteBatch::default());
    for _ in 0..state.room.direct_pending() {
        let Some(member) = state.room.next_direct() else { break };
        state = visit(server, state, member, &mut left, &mut offer);
        *sends = sends.saturating_sub(1);
    }
    while let Some(from) = state.delivery.from
        && *sends > 0
    {
        let next = state.room.next_behind(from);
        state.delivery.from = next.map(MemberId::next_place);
        let Some(member) = next else { break };
        state = visit(server, state, member, &mut left, &mut offer);
        *sends -= 1;
    }
    conclude(&mut state, &left);
    (state, left)
}

/// Begins a round over all members if none is under way and there is something for it.
fn begin<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    if state.delivery.from.is_some() {
        return state;
    }
    let me = Some(thread::current().id());
    let is_alone = std::mem::replace(&mut state.delivery.last, me) == me;
    if !is_alone && state.room.len() >= MANY {
        // Whoever else can go on says what it has to say first, and this round delivers all of it.
        drop(state);
        thread::yield_now();
        state = server.lock();
    }
    let is_left = std::mem::take(&mut state.delivery.more);
    if is_left || state.delivery.served_head != state.room.head() {
        state.delivery.served_head = state.room.head();
        state.delivery.from = Some(0);
    }
    state
}

/// Serves one member and notes what is left. Those that are full are the courier's until they can take more.
fn visit<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    member: MemberId,
    left: &mut Left,
    offer: &mut WriteBatch,
) -> MutexGuard<'a, State> {
    if state.room.is_full(member) {
        return state;
    }
    state = deliver_to(server, state, member, offer);
    let full = state.room.is_full(member);
    left.filled |= full;
    left.more |= !full && state.room.is_behind(member);
    state
}

/// Ends a round, or hands the rest to the courier if anything came in meanwhile. Looking and letting go
/// are one critical section, so nothing appended is left to nobody.
fn conclude(state: &mut State, left: &Left) {
    state.delivery.more |= left.more;
    let goes_on = state.delivery.more || state.delivery.from.is_some() || has_news(state);
    state.delivery.who = if goes_on { Who::Courier } else { Who::Nobody };
}

/// Offers one member what comes next for it, with the room free meanwhile.
fn deliver_to<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    member: MemberId,
    offer: &mut WriteBatch,
) -> MutexGuard<'a, State> {
    let Some(stream) = state.room.next_batch(member, offer, Instant::now()).cloned() else {
        return state;
    };
    drop(state);
    let sent = socket::write_batch(&stream, offer);
    state = server.lock();
    let release = state.room.advance(member, offer, sent);
    server.wake(release);
    if state.room.name(member).is_some() {
        return state;
    }
    // The room has given it up, and its thread does not know yet.
    drop(state);
    connection::wake_reader(&stream);
    // This may be the last hold on it, and then closes it.
    drop(stream);
    server.lock()
}

/// Starts the thread that delivers what others cannot without being kept from their clients.
pub(crate) fn start_courier(server: &Arc<Server>) -> io::Result<JoinHandle<()>> {
    let server = Arc::clone(server);
    thread::Builder::new().name("courier".into()).spawn(move || courier(&server))
}

/// Goes on with rounds that have grown, and is parked between them.
pub(crate) fn courier(server: &Server) {
    let mut state = server.lock();
    while !state.delivery.stopped {
        state = match state.delivery.who {
            Who::Courier => courier_round(server, state),
            Who::Nobody | Who::Appender => park(server, state),
        };
    }
}

/// Makes a round, or goes on with one. If sockets that were said to take more took nothing, the kernel has no memory
/// for them, and asking again at once would make that worse.
fn courier_round<'a>(server: &'a Server, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    let (writes, is_part) = (state.room.counters().writes, state.delivery.from.is_some());
    let (state, left) = round(server, state, &mut { SENDS });
    let is_part = is_part || state.delivery.from.is_some();
    if !is_part && left.filled && state.room.counters().writes == writes {
        drop(state);
        server.bell.rest();
        return server.lock();
    }
    if state.delivery.from.is_none() && state.delivery.who == Who::Courier {
        // In a room that is never silent it is never parked.
        return serve_full_again(server, state, Patience::None);
    }
    state
}

/// Waits until the courier is called, or a full socket can take more.
fn park<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    state.delivery.parked = true;
    state = serve_full_again(server, state, Patience::Endless);
    state.delivery.parked = false;
    // A round that is under way sees for itself that there is more to do.
    if is_left_to_nobody(&state) {
        state.delivery.who = Who::Courier;
    }
    state
}

/// Has rounds include those whose full sockets can take more.
fn serve_full_again<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    patience: Patience,
) -> MutexGuard<'a, State> {
    let full = state.room.full();
    if full.is_empty() && patience == Patience::None {
        return state;
    }
    drop(state);
    let ready = server.bell.wait(&full, patience);
    // These may be the last holds on sockets, and then close them.
    drop(full);
    state = server.lock();
    for member in ready {
        state.room.unblock(member);
    }
    state
}

/// For how long the courier waits.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Patience {
    /// Not at all.
    None,
    /// Until it is called.
    Endless,
}

/// Has the courier look again at what there is to do.
pub(crate) fn call_courier(server: &Server, state: &mut State) {
    if std::mem::take(&mut state.delivery.parked) {
        server.bell.ring();
    }
}

/// Ends the courier.
pub(crate) fn stop_courier(server: &Server, state: &mut State) {
    state.delivery.stopped = true;
    call_courier(server, state);
}

impl Delivery {
    /// Nothing to deliver, nobody at it.
    pub(crate) fn new() -> Self {
        Self {
            who: Who::Nobody,
            served_head: 0,
            from: None,
            last: None,
            more: false,
            parked: false,
            stopped: false,
        }
    }
}

/// To so many members a message costs far more than the yield that may save one.
const MANY: usize = 8;
