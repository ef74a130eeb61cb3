//! Room: who is here, what is said, and how far everybody has got.

mod delivery;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use protocol::{Name, encode_pair, pair_len};
use slab::Slab;

use crate::close::CloseReason;
use crate::counters::Counters;
use crate::flow::Flow;
use crate::log::Log;
use crate::member::Member;
use crate::names::{Names, RESERVED};
use crate::settings::{Relay, Settings};

/// The room as a log: what is said is appended once, and every member is a cursor into it.
///
/// It knows no socket and no clock. `H` is what a server needs to reach a member: a socket, a token.
/// The methods by kind, in the order a server calls them for one member:
///
/// 1. changes from the client: [`join`](Self::join), then [`say`](Self::say) any number of times;
/// 2. delivery, whenever [`is_behind`](Self::is_behind): [`pull`](Self::pull) looks at what comes
///    next ([`Offer`](crate::Offer)), the server offers it to the socket with the room unlocked, [`offered`](Self::offered)
///    moves on by what the socket took ([`advance`](Self::advance) is its half without a socket's result);
/// 3. the end: [`finish`](Self::finish) fixes how far the member is served, `pull` and `advance` go on
///    until [`is_done`](Self::is_done), [`leave`](Self::leave) frees its name and place.
///    [`abort`](Self::abort) is the end without delivery; `leave` still follows.
///
/// The flow rule (SPEC BPR-07) has two: [`deadline`](Self::deadline) tells when to call
/// [`overdue`](Self::overdue). [`shut`](Self::shut) ends the whole room.
#[derive(Debug)]
pub struct Room<H> {
    relay: Relay,
    aside_bytes: usize,
    log: Log,
    members: Slab<Member<H>>,
    names: Names,
    flow: Flow,
    serial: u64,
    /// How often something to deliver was added.
    pulse: u64,
    /// Why members were aborted whose connections have not left yet.
    aborted: HashMap<MemberId, CloseReason>,
    /// After [`shut`](Room::shut) nobody joins and nothing is said.
    shut: bool,
    counters: Counters,
}

/// A member's place in the room. One that has left is never mistaken for a later member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemberId {
    place: usize,
    serial: u64,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a paused message is not in the room: keep it and say it again"]
pub enum Said {
    /// It is in the log.
    Appended,
    /// Not yet: the room waits for its slowest member, or the speaker has answers waiting. Say it again
    /// when [`advance`](Room::advance), [`leave`](Room::leave) or [`overdue`](Room::overdue) released it.
    Paused,
    /// It never will be: the member was aborted or the room is shut.
    Closed,
}

/// What a socket made of what it was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Took {
    /// All of it.
    All,
    /// Less than that: it is full.
    Less,
}

/// Whether something that somebody waits for has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "whoever waits for a pause's or a member's end must be woken"]
pub enum Release {
    /// Nothing of the kind.
    Nobody,
    /// A pause has ended, a member is done, or it has read some of its answers: look again.
    Waiters,
}

impl<H: Clone> Room<H> {
    /// An empty room. `window` and `patience` are those of the flow rule; a message said is encoded with
    /// its sender's name, and the window holds at least four of the largest such pairs.
    pub fn new(relay: Relay, window: u64, patience: Duration, aside_bytes: usize) -> Self {
        Self {
            relay,
            aside_bytes,
            log: Log::default(),
            members: Slab::new(),
            names: Names::new(),
            flow: Flow::new(window, patience),
            serial: 0,
            pulse: 0,
            aborted: HashMap::new(),
            shut: false,
            counters: Counters::default(),
        }
    }

    /// An empty room with the limits of `settings`.
    pub fn of(settings: &Settings) -> Self {
        let Settings { relay, window, patience, aside_bytes, .. } = *settings;
        Self::new(relay, window as u64, patience, aside_bytes)
    }

    /// Lets a member in at the head of the log: what was said before is not for it (SPEC RLY-07).
    ///
    /// If its name is taken it gets a numbered one and is told so (SPEC NAM-05).
    ///
    /// # Errors
    ///
    /// The name is the reserved one in some spelling (SPEC NAM-04), or the room is shut.
    pub fn join(&mut self, wanted: &Name, handle: H) -> Result<MemberId, CloseReason> {
        if self.shut {
            return Err(CloseReason::Shutdown);
        }
        let name = self.names.take(wanted).ok_or(CloseReason::ReservedName)?;
        self.serial += 1;
        let notice =
            (name != *wanted).then(|| format!("the name {wanted} is taken: you are {name}"));
        let member = Member::new(name, handle, self.serial, self.log.head());
        let id = MemberId { place: self.members.insert(member), serial: self.serial };
        self.counters.joined(self.members.len());
        if let Some(notice) = notice {
            self.tell(id, &notice);
        }
        Ok(id)
    }

    /// Relays a message, which is UTF-8 and within the limit, according to the relay policy (SPEC RLY-01,
    /// RLY-10, RLY-11).
    pub fn say(&mut self, id: MemberId, text: &[u8], now: Instant) -> Said {
        let Some(member) = self.member(id) else { return Said::Closed };
        if self.shut {
            return Said::Closed;
        }
        if self.relay == Relay::Sender {
            return self.say_back(id, text);
        }
        self.survey_if_due(now);
        if self.flow.is_paused() {
            return Said::Paused;
        }
        self.pulse += 1;
        let member = &mut self.members[member];
        let start = self.log.head();
        let end = self.log.append(member.name.as_bytes(), text);
        if self.relay == Relay::Others {
            member.leave_out(start..end);
        }
        self.counters.said(text.len());
        Said::Appended
    }

    /// A message that only its sender gets back (SPEC RLY-11); bounded by what may wait for one member.
    fn say_back(&mut self, id: MemberId, text: &[u8]) -> Said {
        let member = &self.members[id.place];
        let pair = pair(member.name.as_bytes(), text);
        if member.aside_bytes() > 0 && member.aside_bytes() + pair.len() > self.aside_bytes {
            return Said::Paused;
        }
        self.put_aside(id.place, pair);
        self.counters.said(text.len());
        Said::Appended
    }

    /// Tells one member something in the reserved sender's name, behind all that was said so far.
    pub fn tell(&mut self, id: MemberId, text: &str) {
        if let Some(member) = self.member(id) {
            self.put_aside(member, pair(RESERVED.as_bytes(), text.as_bytes()));
        }
    }

    fn put_aside(&mut self, place: usize, pair: Bytes) {
        self.pulse += 1;
        self.members[place].put_aside(self.log.head(), pair);
    }

    /// Fixes how far a member that said its last is served: up to now, and no further (SPEC CLS-06). If
    /// it is to be refused, `farewell` comes last, in the reserved sender's name.
    pub fn finish(&mut self, id: MemberId, farewell: Option<&str>) {
        let Some(place) = self.member(id) else { return };
        if let Some(farewell) = farewell {
            self.tell(id, farewell);
        }
        let head = self.log.head();
        self.members[place].end.get_or_insert(head);
    }

    /// Whether a member that finished has been delivered all that is for it, or is gone.
    pub fn is_done(&self, id: MemberId) -> bool {
        self.member(id)
            .is_none_or(|member| self.members[member].end.is_some() && !self.has_piece(member))
    }

    /// Ends a member at once: its name is free and the room no longer waits for it. Its connection must
    /// be ended by the caller, who still calls [`leave`](Self::leave).
    pub fn abort(&mut self, id: MemberId, reason: &CloseReason) -> Release {
        if self.member(id).is_none() {
            return Release::Nobody;
        }
        self.aborted.insert(id, reason.clone());
        self.remove(id);
        // Even if no pause ended: its own connection may be the one that waits.
        Release::Waiters
    }

    /// Why a member can say nothing more: what it was aborted for, or the shutdown.
    pub fn why_gone(&self, id: MemberId) -> CloseReason {
        self.aborted.get(&id).cloned().unwrap_or(CloseReason::Shutdown)
    }

    /// A connection's end, whether it ever joined or not: frees the member's name and place before the
    /// client can see the end (SPEC CLS-07), and counts the one reason it ended for. If the room had
    /// aborted the member, that is the reason, and it is put in place of the given one.
    pub fn leave(&mut self, id: Option<MemberId>, reason: &mut CloseReason) -> Release {
        if let Some(aborted) = id.and_then(|id| self.aborted.remove(&id)) {
            *reason = aborted;
        }
        self.counters.closed(reason);
        release(id.is_some_and(|id| self.remove(id)))
    }

    /// Forgets a member; whether that ended a pause.
    fn remove(&mut self, id: MemberId) -> bool {
        let Some(place) = self.member(id) else { return false };
        let member = self.members.remove(place);
        self.names.free(&member.name);
        let resumed = self.flow.moved(member.cursor(), u64::MAX);
        self.settle();
        resumed
    }

    /// When to call [`overdue`](Self::overdue): while the room is paused.
    pub fn deadline(&self) -> Option<Instant> {
        self.flow.deadline()
    }

    /// Aborts the members the room has waited for long enough: full sockets that are still far behind
    /// (SPEC BPR-01). Their connections must be aborted by the caller, with `CloseReason::TooSlow`.
    pub fn overdue(&mut self, now: Instant) -> Vec<(MemberId, H)> {
        if !self.flow.take_overdue(now) {
            return Vec::new();
        }
        let late = |member: &Member<H>| member.full && self.flow.is_laggard(member.cursor());
        let late: Vec<_> = (self.members.iter())
            .filter(|(_, member)| late(member))
            .map(|(place, member)| {
                (MemberId { place, serial: member.serial }, member.handle.clone())
            })
            .collect();
        for (id, _) in &late {
            // The caller wakes whoever waits if the list is not empty.
            let _ = self.abort(*id, &CloseReason::TooSlow);
        }
        late
    }

    /// Ends the room: `notice` is the last that anybody is told, and everybody is served up to it
    /// (SPEC SHD-01).
    pub fn shut(&mut self, notice: &str) {
        self.shut = true;
        self.pulse += 1;
        let head = self.log.append(RESERVED.as_bytes(), notice.as_bytes());
        for (_, member) in &mut self.members {
            member.end.get_or_insert(head);
        }
    }

    /// Whether the room has been shut.
    pub fn is_shut(&self) -> bool {
        self.shut
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

    /// What has happened so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    fn member(&self, id: MemberId) -> Option<usize> {
        let member = self.members.get(id.place)?;
        (member.serial == id.serial).then_some(id.place)
    }
}

/// One pair by itself.
pub(crate) fn pair(sender: &[u8], text: &[u8]) -> Bytes {
    let mut pair = BytesMut::with_capacity(pair_len(sender, text));
    encode_pair(sender, text, &mut pair);
    pair.freeze()
}

fn release(happened: bool) -> Release {
    if happened { Release::Waiters } else { Release::Nobody }
}
