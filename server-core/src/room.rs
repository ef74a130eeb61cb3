//! Room: the members, the log of what they say, and how far each was served.

mod commands;
mod delivery;
mod end;
mod extensions;
mod lag;
mod outcome;
mod talk;

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use protocol::Name;
use slab::Slab;

use crate::close::CloseReason;
use crate::counters::Counters;
use crate::flow::Flow;
use crate::log::Log;
use crate::member::Member;
use crate::names::Names;
use crate::settings::{Relay, Settings};
use extensions::Extensions;
pub use outcome::{JoinError, MemberId, Said, Wake};

/// The room as a log: each message is appended once, and every member is a cursor into the log.
///
/// It contains no socket and no clock. `H` is what a server needs to reach a member: a socket, a place in a table of
/// connections, a waker. The methods by kind, in the order in which a server calls them for one member:
///
/// 1. Input: [`join`](Self::join), then [`hear`](Self::hear) any number of times, which calls
///    [`say`](Self::say).
/// 2. Delivery: to all members when [`head`](Self::head) has moved, and to each member that
///    [`next_to_serve`](Self::next_to_serve) returns. [`next_batch`](Self::next_batch) fills a
///    [`WriteBatch`](crate::WriteBatch), the server writes it to the socket with the room unlocked, and
///    [`advance`](Self::advance) records how much the socket took.
/// 3. The end: [`drain`](Self::drain) fixes how far the member is served. Delivery goes on until
///    [`is_drained`](Self::is_drained); then [`leave`](Self::leave) frees its name and place.
///    [`abort`](Self::abort) is the end without delivery; `leave` still follows.
///
/// For the flow rule (SPEC BPR-07), [`deadline`](Self::deadline) says when to call
/// [`overdue`](Self::overdue). [`announce`](Self::announce) sends the operator's text, and
/// [`close`](Self::close) ends the room.
#[derive(Debug)]
pub struct Room<H> {
    relay: Relay,
    /// Bytes of direct messages that may wait for one member.
    direct_bytes_max: usize,
    log: Log,
    members: Slab<Member<H>>,
    names: Names,
    flow: Flow,
    /// The number of the last member that joined.
    serial: u64,
    /// How many batches were asked for.
    batches: u64,
    /// Members to be served apart from a round: they have a new direct message, or their full socket is
    /// writable again. Each is in it at most once, and is in the room.
    to_serve: VecDeque<MemberId>,
    /// `None` in base mode (SPEC EXT-02).
    extensions: Option<Extensions>,
    /// Why members were aborted, until their connections leave.
    aborted: HashMap<MemberId, CloseReason>,
    /// Whether [`close`](Room::close) was called.
    closed: bool,
    counters: Counters,
}

impl<H: Clone> Room<H> {
    /// An empty room without extensions. `window` and `patience` are those of the flow rule. The window, in
    /// bytes, holds at least four of the largest pairs.
    pub fn new(relay: Relay, window: u64, patience: Duration, direct_bytes_max: usize) -> Self {
        Self {
            relay,
            direct_bytes_max,
            log: Log::default(),
            members: Slab::new(),
            names: Names::new(),
            flow: Flow::new(window, patience),
            serial: 0,
            batches: 0,
            to_serve: VecDeque::new(),
            extensions: None,
            aborted: HashMap::new(),
            closed: false,
            counters: Counters::default(),
        }
    }

    /// An empty room with the limits, and the extensions, of `settings`.
    pub fn of(settings: &Settings) -> Self {
        let Settings { relay, window, patience, direct_bytes, .. } = *settings;
        let extensions = settings.extensions.then(|| Extensions::new(settings));
        Self { extensions, ..Self::new(relay, window as u64, patience, direct_bytes) }
    }

    /// Adds a member, with its cursor at the head: earlier messages are not for it (SPEC RLY-07).
    ///
    /// If the name is taken, the member gets a numbered one and a notice that says so (SPEC NAM-05). With
    /// extensions it is greeted, and all other members are notified (SPEC EXT-01, EXT-07).
    ///
    /// # Errors
    ///
    /// The name is the reserved one in some spelling (SPEC NAM-04); the room is closed; or the room is
    /// paused and has extensions.
    pub fn join(&mut self, wanted: &Name, handle: H, now: Instant) -> Result<MemberId, JoinError> {
        if self.closed {
            return Err(JoinError::Refused(CloseReason::Shutdown));
        }
        if self.extensions.is_some() && !self.accepts_more(now) {
            return Err(JoinError::Paused);
        }
        let taken = self.names.take(wanted, self.members.vacant_key());
        let name = taken.ok_or(JoinError::Refused(CloseReason::ReservedName))?;
        self.serial += 1;
        let id = MemberId::new(self.members.vacant_key(), self.serial);
        self.announce_join(&name);
        let numbered =
            (name != *wanted).then(|| format!("the name {wanted} is taken: you are {name}"));
        self.members.insert(Member::new(name, handle, self.serial, self.log.head()));
        self.counters.joined(self.members.len());
        self.greet(id);
        if let Some(notice) = numbered {
            self.notify(id, &notice);
        }
        Ok(id)
    }

    /// Whether the room waits for its slowest member and accepts no message.
    pub fn is_paused(&self) -> bool {
        self.flow.is_paused()
    }

    /// Position after the last byte of the log. It changes exactly when there is something new for all members.
    pub fn head(&self) -> u64 {
        self.log.head()
    }

    /// Bytes in the log: at most the window, and the notices of members that left during a pause.
    pub fn held(&self) -> u64 {
        self.log.held()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The member's name; `None` if it is gone.
    pub fn name(&self, id: MemberId) -> Option<&Name> {
        self.member(id).map(|place| &self.members[place].name)
    }

    /// The member's handle; `None` if it is gone.
    pub fn handle(&self, id: MemberId) -> Option<&H> {
        self.member(id).map(|place| &self.members[place].handle)
    }

    /// Totals so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn member(&self, id: MemberId) -> Option<usize> {
        let member = self.members.get(id.place)?;
        (member.serial == id.serial).then_some(id.place)
    }
}
