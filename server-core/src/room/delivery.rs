//! Delivery: how far everybody has got, and what is next for whom. The other half of [`Room`].

use std::io::{self, ErrorKind};
use std::time::Instant;

use bytes::Bytes;

use super::{MemberId, Release, Room, release};
use crate::member::{Member, Piece, Taken};
use crate::write_batch::{Offer, rest_after};

impl<H: Clone> Room<H> {
    /// A number that changes whenever there is something new for everybody.
    pub fn pulse(&self) -> u64 {
        self.pulse
    }

    /// How many members have something new for themselves alone.
    pub fn told(&self) -> usize {
        self.told.len()
    }

    /// Takes the next of those members off the list: whoever asks delivers to it.
    pub fn next_told(&mut self) -> Option<MemberId> {
        let id = self.told.pop_front()?;
        self.members[id.place].told = false;
        Some(id)
    }

    /// Whether there is something to deliver to this member.
    pub fn is_behind(&self, id: MemberId) -> bool {
        self.member(id).is_some_and(|member| self.has_piece(member))
    }

    /// Bytes that this member's socket has taken so far.
    pub fn taken(&self, id: MemberId) -> u64 {
        self.member(id).map_or(0, |member| self.members[member].taken())
    }

    /// Whether this member's socket took less than it was offered the last time: it need not be offered
    /// more before it can take it.
    pub fn is_full(&self, id: MemberId) -> bool {
        self.member(id).is_some_and(|member| self.members[member].full)
    }

    /// Every member whose socket is full, and how to reach it.
    pub fn full(&self) -> Vec<(MemberId, H)> {
        let full = self.members.iter().filter(|(_, member)| member.full);
        full.map(|(place, member)| (MemberId::new(place, member.serial), member.handle.clone()))
            .collect()
    }

    /// Takes note that a member's full socket can take more: it is to be offered what comes next again.
    pub fn unblock(&mut self, id: MemberId) {
        if let Some(place) = self.member(id) {
            self.members[place].full = false;
            self.name_told(place);
        }
    }

    /// The first member behind whose place is `from` or later, to visit all of them in turn, save those whose sockets
    /// are full.
    pub fn next_behind(&self, from: usize) -> Option<MemberId> {
        let mut places = from..self.members.capacity();
        let place = places.find(|&place| {
            self.members.get(place).is_some_and(|member| !member.full) && self.has_piece(place)
        })?;
        Some(MemberId::new(place, self.members[place].serial))
    }

    /// As [`next_behind`](Self::next_behind), of those who have not been named since they last
    /// [pulled](Self::pull): for a server whose members each deliver to themselves when they are called.
    pub fn next_uncalled(&mut self, from: usize) -> Option<MemberId> {
        let is_uncalled = |member: &Member<H>| !member.called && !member.full;
        let mut places = from..self.members.capacity();
        let place = places.find(|&place| {
            self.members.get(place).is_some_and(is_uncalled) && self.has_piece(place)
        })?;
        let member = &mut self.members[place];
        member.called = true;
        Some(MemberId::new(place, member.serial))
    }

    pub(super) fn has_piece(&self, place: usize) -> bool {
        self.members[place].piece(self.log.head()).is_some()
    }

    /// Puts what comes next for this member into `offer`, emptied first: whole and partial pairs, at most 1024
    /// slices per write. Nothing is moved on. `None` if the member is gone or has everything.
    /// `now` tells whether it is idle: then it is given its pairs in small writes (SPEC RLY-12).
    pub fn pull(&mut self, id: MemberId, offer: &mut Offer, now: Instant) -> Option<&H> {
        offer.begin(now);
        let place = self.member(id)?;
        self.members[place].called = false;
        self.pulls += 1;
        if self.pulls.is_multiple_of(PULLS_PER_FREEZE) {
            // What was said during a round goes to the rest of it along with what the round is for.
            self.log.freeze_if_much();
        }
        self.collect(place, offer, now);
        if offer.is_empty() && self.has_piece(place) {
            self.log.freeze();
            self.collect(place, offer, now);
        }
        if offer.is_empty() {
            return None;
        }
        let member = &mut self.members[place];
        member.rebuffer(offer);
        Some(&member.handle)
    }

    fn collect(&self, place: usize, offer: &mut Offer, now: Instant) {
        let member = &self.members[place];
        if member.keeps_up(now) {
            offer.fill(self.slices(place));
        } else {
            offer.fill_in_groups(self.slices(place), member.rest());
        }
    }

    /// A member's view as far as it is frozen.
    fn slices(&self, place: usize) -> impl Iterator<Item = Bytes> {
        let member = &self.members[place];
        let mut asides = 0..;
        member.pieces(self.log.frozen()).flat_map(move |piece| {
            let (aside, range) = match piece {
                Piece::Aside(_) => (asides.next().map(|index| member.aside(index)), None),
                Piece::Log(range) => (None, Some(range)),
            };
            let slices = range.into_iter().flat_map(|range| self.log.read(range.start, range.end));
            aside.into_iter().chain(slices)
        })
    }

    /// Takes note of what became of an offer to a member's socket, as it was pulled: how many bytes the socket
    /// took, that it is full, or that it is lost.
    pub fn offered(&mut self, id: MemberId, offer: &Offer, result: io::Result<usize>) -> Release {
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return self.abort(id, &error.into()),
        };
        let Some(place) = self.member(id) else { return Release::Nobody };
        let Some(now) = offer.made() else { return Release::Nobody };
        self.counters.delivered(bytes);
        let (taken, rest) = if bytes == offer.bytes() {
            (Taken::All, 0)
        } else {
            let taken = if bytes > 0 { Taken::Some } else { Taken::Nothing };
            (taken, rest_after(self.slices(place), self.members[place].rest(), bytes))
        };
        let member = &mut self.members[place];
        let (before, asides) = (member.cursor(), member.aside_bytes());
        member.pass(bytes, &self.log);
        member.note(taken, rest, self.log.head(), now);
        // It may itself be waiting for its answers to be read, and they come behind what was said before.
        let reads_answers = asides > 0 && bytes > 0;
        let done = member.is_ending() && member.piece(self.log.head()).is_none();
        let resumed = self.flow.moved(before, member.cursor());
        self.settle();
        release(reads_answers || done || resumed)
    }

    pub(super) fn survey_if_due(&mut self, now: Instant) {
        if self.flow.is_due(self.log.head()) {
            self.survey();
            let cursors = self.members.iter().map(|(_, member)| member.cursor());
            self.flow.watch(self.log.head(), cursors, now);
        }
    }

    /// Gives back what everybody has had, at a cost of one look per member and that many moves.
    pub(super) fn settle(&mut self) {
        if self.flow.is_worth_a_survey(self.log.held(), self.members.len()) {
            self.survey();
        }
    }

    fn survey(&mut self) {
        let cursors = self.members.iter().map(|(_, member)| member.cursor());
        self.log.trim(cursors.min().unwrap_or_else(|| self.log.head()));
        self.flow.surveyed();
    }
}

impl MemberId {
    /// The place to go on from in [`Room::next_behind`].
    pub fn next_place(self) -> usize {
        self.place + 1
    }
}

/// So many members in turn are given the same slices, however fast others append.
const PULLS_PER_FREEZE: u64 = 8;

#[cfg(test)]
mod tests;
