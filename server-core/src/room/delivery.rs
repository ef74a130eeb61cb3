//! Delivery: how far everybody has got, and what is next for whom. The other half of [`Room`].

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::time::Instant;

use bytes::Bytes;

use super::{MemberId, Release, Room, Took, release};
use crate::member::Piece;

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

    /// The first member behind whose place is `from` or later, to visit all of them in turn.
    pub fn next_behind(&self, from: usize) -> Option<MemberId> {
        let mut places = from..self.members.capacity();
        let place = places.find(|&place| self.members.contains(place) && self.has_piece(place))?;
        Some(MemberId::new(place, self.members[place].serial))
    }

    pub(super) fn has_piece(&self, place: usize) -> bool {
        self.members[place].piece(self.log.head()).is_some()
    }

    /// Puts what comes next for this member into `slices`, emptied first: whole and partial pairs, at
    /// most 1024 slices. Nothing is moved on. `None` if the member is gone or has everything.
    pub fn pull(&mut self, id: MemberId, slices: &mut Vec<Bytes>) -> Option<&H> {
        slices.clear();
        let place = self.member(id)?;
        self.collect(place, slices);
        if slices.is_empty() && self.has_piece(place) {
            // The tail is frozen only for a member that has nothing else to get: in one round over all
            // members everybody gets the same slices, however much is appended meanwhile.
            self.log.freeze();
            self.collect(place, slices);
        }
        (!slices.is_empty()).then_some(&self.members[place].handle)
    }

    fn collect(&self, place: usize, slices: &mut Vec<Bytes>) {
        let member = &self.members[place];
        let mut asides = 0;
        for piece in member.pieces(self.log.frozen()) {
            match piece {
                Piece::Aside(_) => {
                    slices.push(member.aside(asides));
                    asides += 1;
                }
                Piece::Log(Range { start, end }) => {
                    let places = SLICES_MAX - slices.len();
                    slices.extend(self.log.read(start, end).take(places));
                }
            }
            if slices.len() == SLICES_MAX {
                return;
            }
        }
    }

    /// Moves a member on by the bytes its socket took of what was pulled, and notes if it is full.
    pub fn advance(&mut self, id: MemberId, bytes: usize, took: Took) -> Release {
        let Some(place) = self.member(id) else { return Release::Nobody };
        self.counters.delivered(bytes);
        let member = &mut self.members[place];
        let (before, asides) = (member.cursor(), member.aside_bytes());
        member.pass(bytes, &self.log);
        member.full = took == Took::Less;
        // It may itself be waiting for its answers to be read, and they come behind what was said before.
        let reads_answers = asides > 0 && bytes > 0;
        let done = member.end.is_some() && member.piece(self.log.head()).is_none();
        let resumed = self.flow.moved(before, member.cursor());
        if resumed {
            self.tell_who_left();
        }
        self.settle();
        release(reads_answers || done || resumed)
    }

    /// Takes note of what became of an offer of `slices`, as they were pulled, to a member's socket: moved
    /// on, full, or lost.
    pub fn offered(
        &mut self,
        id: MemberId,
        slices: &[Bytes],
        result: io::Result<usize>,
    ) -> Release {
        let offered: usize = slices.iter().map(Bytes::len).sum();
        match result {
            Ok(bytes) if bytes == offered => self.advance(id, bytes, Took::All),
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

/// Most slices pulled at once: what one vectored write of the kernel accepts.
const SLICES_MAX: usize = 1024;
