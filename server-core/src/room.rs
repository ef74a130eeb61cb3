//! Room: who is here, what is said, and how far everybody has got.

mod commands;
mod delivery;
mod end;
mod extensions;
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

/// The room as a log: what is said is appended once, and every member is a cursor into it.
///
/// It knows no socket and no clock. `H` is what a server needs to reach a member: a socket, a token.
/// The methods by kind, in the order a server calls them for one member:
///
/// 1. changes from the client: [`join`](Self::join), then [`hear`](Self::hear) or [`say`](Self::say) any
///    number of times;
/// 2. delivery, to everybody when [`head`](Self::head) has moved, and to each whom
///    [`next_direct`](Self::next_direct) names: [`pull`](Self::next_batch) looks at what comes next
///    ([`WriteBatch`](crate::WriteBatch)), the server offers it to the socket with the room unlocked, [`offered`](Self::advance)
///    moves on by what the socket took;
/// 3. the end: [`finish`](Self::drain) fixes how far the member is served, `pull` and `offered` go on
///    until [`is_drained`](Self::is_drained), [`leave`](Self::leave) frees its name and place.
///    [`abort`](Self::abort) is the end without delivery; `leave` still follows.
///
/// The flow rule (SPEC BPR-07) has two: [`deadline`](Self::deadline) tells when to call
/// [`overdue`](Self::overdue). The operator speaks with [`announce`](Self::announce), and
/// [`shut`](Self::close) ends the whole room.
#[derive(Debug)]
pub struct Room<H> {
    relay: Relay,
    direct_bytes: usize,
    log: Log,
    members: Slab<Member<H>>,
    names: Names,
    flow: Flow,
    serial: u64,
    /// How often somebody was given what comes next.
    batches: u64,
    /// Members that have been told something for themselves alone since [`Room::next_direct`] named them;
    /// each is here, and stands in it once.
    with_direct: VecDeque<MemberId>,
    /// `None` in base mode (SPEC EXT-02).
    extensions: Option<Extensions>,
    /// Why members were aborted whose connections have not left yet.
    aborted: HashMap<MemberId, CloseReason>,
    /// After [`shut`](Room::close) nobody joins and nothing is said.
    closed: bool,
    counters: Counters,
}

/// A member's place in the room. One that has left is never mistaken for a later member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemberId {
    place: usize,
    serial: u64,
}

/// Why somebody is not in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// Not yet: with extensions a newcomer is announced, and the room is paused. Join again when it is
    /// over, as with [`Said::Paused`].
    Paused,
    /// It never will be, for this reason.
    Refused(CloseReason),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a paused message is not in the room: keep it and say it again"]
pub enum Said {
    /// It has been said, or, if it was a command, carried out.
    Appended,
    /// It was a command, and the member has another name now.
    Renamed,
    /// Not yet: the room waits for its slowest member, or the speaker has answers waiting. Say it again
    /// when [`offered`](Room::advance), [`leave`](Room::leave) or [`overdue`](Room::overdue) released it.
    Paused,
    /// It never will be: the member was aborted or the room is shut.
    Closed,
}

/// Whether something that somebody waits for has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "whoever waits for a pause's or a member's end must be woken"]
pub enum Wake {
    /// Nothing of the kind.
    Nobody,
    /// A pause has ended, a member is done, or it has read some of its answers: look again.
    Waiters,
}

impl<H: Clone> Room<H> {
    /// An empty room. `window` and `patience` are those of the flow rule; a message said is encoded with
    /// its sender's name, and the window holds at least four of the largest such pairs.
    pub fn new(relay: Relay, window: u64, patience: Duration, direct_bytes: usize) -> Self {
        Self {
            relay,
            direct_bytes,
            log: Log::default(),
            members: Slab::new(),
            names: Names::new(),
            flow: Flow::new(window, patience),
            serial: 0,
            batches: 0,
            with_direct: VecDeque::new(),
            extensions: None,
            aborted: HashMap::new(),
            closed: false,
            counters: Counters::default(),
        }
    }

    /// An empty room with the limits of `settings`, and with extensions if it says so.
    pub fn of(settings: &Settings) -> Self {
        let Settings { relay, window, patience, direct_bytes, .. } = *settings;
        let extensions = settings.extensions.then(|| Extensions::new(settings));
        Self { extensions, ..Self::new(relay, window as u64, patience, direct_bytes) }
    }

    /// Lets a member in at the head of the log: what was said before is not for it (SPEC RLY-07).
    ///
    /// If its name is taken it gets a numbered one and is told so (SPEC NAM-05). With extensions it is
    /// greeted, and the others are told (SPEC EXT-01, EXT-07).
    ///
    /// # Errors
    ///
    /// The name is the reserved one in some spelling (SPEC NAM-04), or the room is shut; or it is paused
    /// and the others could not be told.
    pub fn join(&mut self, wanted: &Name, handle: H, now: Instant) -> Result<MemberId, JoinError> {
        if self.closed {
            return Err(JoinError::Refused(CloseReason::Shutdown));
        }
        if self.extensions.is_some() && !self.takes_more(now) {
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
            self.tell(id, &notice);
        }
        Ok(id)
    }

    /// Whether the room waits for its slowest member and appends nothing.
    pub fn is_paused(&self) -> bool {
        self.flow.is_paused()
    }

    /// Position behind the last byte said.
    pub fn head(&self) -> u64 {
        self.log.head()
    }

    /// Bytes said that the room still holds: at most the window.
    pub fn held(&self) -> u64 {
        self.log.held()
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The name a member is known by; `None` if it is gone.
    pub fn name(&self, id: MemberId) -> Option<&Name> {
        self.member(id).map(|place| &self.members[place].name)
    }

    /// How the server reaches a member; `None` if it is gone.
    pub fn handle(&self, id: MemberId) -> Option<&H> {
        self.member(id).map(|place| &self.members[place].handle)
    }

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn member(&self, id: MemberId) -> Option<usize> {
        let member = self.members.get(id.place)?;
        (member.serial == id.serial).then_some(id.place)
    }
}

impl MemberId {
    pub(crate) const fn new(place: usize, serial: u64) -> Self {
        Self { place, serial }
    }
}

fn release(happened: bool) -> Wake {
    if happened { Wake::Waiters } else { Wake::Nobody }
}
