//! Deliver: moves every member's cursor, one writer at a time.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use server_core::bytes::Bytes;
use server_core::{MemberId, socket};

use crate::{Server, State, connection};

/// Who is delivering. It stands beside the room, under the same lock, so that whoever appends learns in
/// the same moment whether somebody will deliver it.
pub(crate) struct Delivery {
    who: Who,
    /// The room's pulse when the last round began: what came later is not delivered yet.
    pulse_served: u64,
    /// Somebody had more to get than one offer holds.
    more: bool,
    /// When full sockets are tried again. Nobody tells a thread that does not wait for them that they can
    /// take more.
    retry: Option<Instant>,
    /// How long they are left alone: ever longer while trying them is in vain.
    park: Duration,
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

/// Which members a round leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Those whose socket was full the last time.
    Quick,
    /// Nobody.
    Complete,
}

/// What a round left undone.
#[derive(Default)]
struct Left {
    /// Somebody had more to get than one offer holds.
    more: bool,
    /// A socket was full.
    full: bool,
}

/// Makes one round, unless there is nothing new or somebody else is at it: then what was appended rides
/// along, because that somebody looks again before it ends.
pub(crate) fn deliver<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) {
    if state.delivery.who != Who::Nobody || !has_news(&state) {
        return;
    }
    state.delivery.who = Who::Appender;
    let known = state.delivery.retry.is_some();
    state = round(server, state, Round::Quick);
    if state.delivery.who == Who::Courier || (state.delivery.retry.is_some() && !known) {
        server.handed_over.notify_one();
    }
}

/// Has the courier deliver what this thread appended and cannot deliver itself.
pub(crate) fn hand_over(server: &Server, state: &mut State) {
    if state.delivery.who == Who::Nobody && has_news(state) {
        state.delivery.who = Who::Courier;
        server.handed_over.notify_one();
    }
}

/// Whether there is something for everybody or for somebody alone that no round has looked at.
fn has_news(state: &State) -> bool {
    state.delivery.pulse_served != state.room.pulse() || state.room.told() > 0
}

/// Serves those who have something for themselves alone, and then, if there is something new for all or
/// somebody was left with more, every member that is behind.
fn round<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    which: Round,
) -> MutexGuard<'a, State> {
    let delivery = &state.delivery;
    let news = which == Round::Complete || delivery.pulse_served != state.room.pulse();
    let everybody = news || delivery.more;
    // Who is not looked at stays as full as it was known to be.
    let mut left = Left { more: false, full: !everybody && delivery.retry.is_some() };
    state.delivery.pulse_served = state.room.pulse();
    let mut slices = Vec::new();
    for _ in 0..state.room.told() {
        let Some(member) = state.room.next_told() else { break };
        state = visit(server, state, member, which, &mut left, &mut slices);
    }
    let mut from = 0;
    while everybody && let Some(member) = state.room.next_behind(from) {
        from = member.next_place();
        state = visit(server, state, member, which, &mut left, &mut slices);
    }
    conclude(&mut state, &left);
    state
}

/// Serves one member, unless its socket is full and the round leaves those out, and notes what is left.
fn visit<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    member: MemberId,
    which: Round,
    left: &mut Left,
    slices: &mut Vec<Bytes>,
) -> MutexGuard<'a, State> {
    if which == Round::Complete || !state.room.is_full(member) {
        state = deliver_to(server, state, member, slices);
    }
    let full = state.room.is_full(member);
    left.full |= full;
    left.more |= !full && state.room.is_behind(member);
    state
}

/// Ends a round, or hands the rest to the courier if anything came in meanwhile. Looking and letting go
/// are one critical section, so nothing appended is left to nobody.
fn conclude(state: &mut State, left: &Left) {
    let goes_on = left.more || has_news(state);
    let delivery = &mut state.delivery;
    delivery.more = left.more;
    delivery.who = if goes_on { Who::Courier } else { Who::Nobody };
    let retry = delivery.retry.or_else(|| Some(Instant::now() + delivery.park));
    delivery.retry = retry.filter(|_| left.full);
}

/// Offers one member what comes next for it, with the room free meanwhile.
fn deliver_to<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    member: MemberId,
    slices: &mut Vec<Bytes>,
) -> MutexGuard<'a, State> {
    let Some(stream) = state.room.pull(member, slices).cloned() else { return state };
    drop(state);
    let sent = socket::send(&stream, slices);
    state = server.lock();
    let release = state.room.offered(member, slices, sent);
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
    thread::Builder::new().name("courier".into()).spawn(move || {
        let mut state = server.lock();
        while !state.delivery.stopped {
            state = courier_turn(&server, state);
        }
    })
}

/// Goes on with a round that has grown, tries full sockets again when it is time, or waits for either.
fn courier_turn<'a>(server: &'a Server, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    let now = Instant::now();
    let due = state.delivery.retry.is_some_and(|retry| retry <= now);
    match (state.delivery.who, state.delivery.retry) {
        (Who::Courier | Who::Nobody, _) if due => try_again(server, state),
        (Who::Courier, _) => round(server, state, Round::Quick),
        (_, None) => server.handed_over.wait(state).unwrap_or_else(PoisonError::into_inner),
        (_, Some(retry)) => {
            // While another thread makes a round, its end is near and not told.
            let time = retry.saturating_duration_since(now).max(ROUND_WAIT);
            server.handed_over.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
        }
    }
}

/// Offers full sockets something again.
fn try_again<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    state.delivery.who = Who::Courier;
    state.delivery.retry = None;
    let writes = state.room.counters().writes;
    state = round(server, state, Round::Complete);
    let in_vain = state.room.counters().writes == writes;
    let park = if in_vain { state.delivery.park * 2 } else { PARK_MIN };
    state.delivery.park = park.min(PARK_MAX);
    state
}

impl Delivery {
    /// Nothing to deliver, nobody at it.
    pub(crate) fn new() -> Self {
        let who = Who::Nobody;
        Self { who, pulse_served: 0, more: false, retry: None, park: PARK_MIN, stopped: false }
    }

    /// Ends the courier.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }
}

/// Full sockets are left alone for this long at first.
const PARK_MIN: Duration = Duration::from_millis(10);

/// 1000 members that never read cost 12 % of a core when tried every 10 ms.
const PARK_MAX: Duration = Duration::from_millis(250);

const ROUND_WAIT: Duration = Duration::from_millis(1);
