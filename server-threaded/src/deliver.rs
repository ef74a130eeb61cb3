//! Deliver: moves every member's cursor, one writer at a time.

use std::io;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use server_core::bytes::Bytes;
use server_core::{MemberId, socket};

use crate::{Server, State};

/// Who is delivering. It stands beside the room, under the same lock, so that whoever appends learns in
/// the same moment whether somebody will deliver it.
#[derive(Default)]
pub(crate) struct Delivery {
    /// Somebody is making a round, or the courier has been told to.
    under_way: bool,
    /// The courier has been told to.
    handed_over: bool,
    /// The room's pulse when the last round began: what came later is not delivered yet.
    served: u64,
    /// A socket was full, or had more to get than one offer holds.
    unfinished: Unfinished,
    stopped: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Unfinished {
    #[default]
    Nothing,
    /// Try again after a while.
    Full,
    /// Go on at once.
    More,
}

/// Which members a round leaves out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Round {
    /// Those whose socket was full the last time: the courier's.
    Quick,
    /// Nobody.
    Complete,
}

/// Makes one round over all members, unless there is nothing new or somebody else is at it: then what
/// was appended rides along, because that somebody looks again before it ends.
pub(crate) fn deliver<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) {
    if state.delivery.under_way || state.delivery.served == state.room.pulse() {
        return;
    }
    state.delivery.under_way = true;
    state = round(server, state, Round::Quick);
    conclude(&mut state);
    if state.delivery.handed_over || state.delivery.unfinished == Unfinished::Full {
        server.handed_over.notify_one();
    }
}

/// Ends a round, or hands the rest to the courier if anything came in meanwhile: looking and clearing
/// the flag are one critical section, so nothing appended is left to nobody.
fn conclude(state: &mut State) {
    let grown = state.delivery.served != state.room.pulse();
    let goes_on = grown || state.delivery.unfinished == Unfinished::More;
    state.delivery.under_way = goes_on;
    state.delivery.handed_over = goes_on;
}

/// Has the courier deliver what this thread appended and cannot deliver itself.
pub(crate) fn hand_over(server: &Server, state: &mut State) {
    if !state.delivery.under_way && state.delivery.served != state.room.pulse() {
        state.delivery.under_way = true;
        state.delivery.handed_over = true;
        server.handed_over.notify_one();
    }
}

fn round<'a>(
    server: &'a Server,
    mut state: MutexGuard<'a, State>,
    which: Round,
) -> MutexGuard<'a, State> {
    state.delivery.served = state.room.pulse();
    state.delivery.unfinished = Unfinished::Nothing;
    let mut slices = Vec::new();
    let mut from = 0;
    while let Some(member) = state.room.next_behind(from) {
        from = member.next_place();
        if which == Round::Complete || !state.room.is_full(member) {
            state = deliver_to(server, state, member, &mut slices);
        }
        let unfinished =
            if state.room.is_full(member) { Unfinished::Full } else { Unfinished::More };
        if state.room.is_behind(member) {
            state.delivery.unfinished = state.delivery.unfinished.max(unfinished);
        }
    }
    state
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
    state
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

fn courier_turn<'a>(server: &'a Server, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
    let delivery = &mut state.delivery;
    if delivery.handed_over {
        delivery.handed_over = false;
        state = round(server, state, Round::Complete);
        conclude(&mut state);
        return state;
    }
    if delivery.unfinished != Unfinished::Full {
        return server.handed_over.wait(state).unwrap_or_else(PoisonError::into_inner);
    }
    let parked = server.handed_over.wait_timeout(state, FULL_PARK);
    state = parked.unwrap_or_else(PoisonError::into_inner).0;
    if !state.delivery.under_way {
        state.delivery.under_way = true;
        state.delivery.handed_over = true;
    }
    state
}

impl Delivery {
    /// Ends the courier.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }
}

/// How long full sockets are left alone: nobody tells a thread that does not wait for them when they
/// can take more.
const FULL_PARK: Duration = Duration::from_millis(10);
