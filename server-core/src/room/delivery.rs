//! Delivery: how far everybody has got, and what is next for whom. The other half of [`Room`].

use std::io::{self, ErrorKind};
use std::time::Instant;

use bytes::Bytes;

use super::{MemberId, Release, Room, Took, release};
use crate::member::Piece;
use crate::offer::{Offer, rest_after};

impl<H: Clone> Room<H> {
    /// A number that changes whenever there is something new to deliver to anybody.
    pub fn pulse(&self) -> u64 {
        self.pulse
    }

    /// Whether there is something to deliver to this member.
    pub fn is_behind(&self, id: MemberId) -> bool {
        self.member(id).is_some_and(|member| self.has_piece(member))
    }

    /// Bytes that wait for this member alone.
    pub fn unread_answers(&self, id: MemberId) -> usize {
        self.member(id).map_or(0, |member| self.members[member].aside_bytes())
    }

    /// Whether this member's socket took less than it was offered the last time: it need not be offered
    /// more before it can take it.
    pub fn is_full(&self, id: MemberId) -> bool {
        self.member(id).is_some_and(|member| self.members[member].full)
    }

    /// Every member whose socket is full, and how to reach it.
    pub fn full(&self) -> Vec<(MemberId, H)> {
        let full = self.members.iter().filter(|(_, member)| member.full);
        full.map(|(place, member)| {
            (MemberId { place, serial: member.serial }, member.handle.clone())
        })
        .collect()
    }

    /// Takes note that a member's full socket can take more: it is to be offered what comes next again.
    pub fn unblock(&mut self, id: MemberId) {
        if let Some(place) = self.member(id) {
            self.members[place].full = false;
            self.pulse += 1;
        }
    }

    /// The first member behind whose place is `from` or later, to visit all of them in turn.
    pub fn next_behind(&self, from: usize) -> Option<MemberId> {
        let mut places = from..self.members.capacity();
        let place = places.find(|&place| self.members.contains(place) && self.has_piece(place))?;
        Some(MemberId { place, serial: self.members[place].serial })
    }

    pub(super) fn has_piece(&self, place: usize) -> bool {
        self.members[place].piece(self.log.head()).is_some()
    }

    /// Puts what comes next for this member into `offer`, emptied first: whole and partial pairs, at most 1024
    /// slices per write. Nothing is moved on. `None` if the member is gone or has everything.
    pub fn pull(&mut self, id: MemberId, offer: &mut Offer) -> Option<&H> {
        offer.clear();
        let place = self.member(id)?;
        self.collect(place, offer);
        if offer.is_empty() && self.has_piece(place) {
            // The tail is frozen only for a member that has nothing else to get: in one round over all
            // members everybody gets the same slices, however much is appended meanwhile.
            self.log.freeze();
            self.collect(place, offer);
        }
        (!offer.is_empty()).then_some(&self.members[place].handle)
    }

    fn collect(&self, place: usize, offer: &mut Offer) {
        let member = &self.members[place];
        if member.keeps_up() {
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

    /// Moves a member on by the bytes its socket took of what was pulled, and notes if it is full.
    pub fn advance(&mut self, id: MemberId, bytes: usize, took: Took) -> Release {
        let Some(place) = self.member(id) else { return Release::Nobody };
        self.counters.delivered(bytes);
        let rest = match took {
            Took::All => 0,
            Took::Less => rest_after(self.slices(place), self.members[place].rest(), bytes),
        };
        let member = &mut self.members[place];
        let (before, asides) = (member.cursor(), member.aside_bytes());
        member.pass(bytes, &self.log);
        member.note(took, bytes, rest);
        let answered = member.aside_bytes() < asides;
        let done = member.end.is_some() && member.piece(self.log.head()).is_none();
        let resumed = self.flow.moved(before, member.cursor());
        self.settle();
        release(answered || done || resumed)
    }

    /// Takes note of what became of an offer to a member's socket, as it was pulled: moved on, full, or
    /// lost.
    pub fn offered(&mut self, id: MemberId, offer: &Offer, result: io::Result<usize>) -> Release {
        match result {
            Ok(bytes) if bytes == offer.bytes() => self.advance(id, bytes, Took::All),
            Ok(bytes) => self.advance(id, bytes, Took::Less),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.advance(id, 0, Took::Less),
            Err(error) => self.abort(id, &error.into()),
        }
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
