//! Delivery: how far everybody has got, and what is next for whom. The other half of [`Room`].

use std::io::{self, ErrorKind};
use std::time::Instant;

use bytes::Bytes;

use super::{MemberId, Room, Wake, release};
use crate::member::{Member, Piece, Written};
use crate::write_batch::{WriteBatch, remainder_after};

impl<H: Clone> Room<H> {
    /// How many members have something new for themselves alone.
    pub fn direct_pending(&self) -> usize {
        self.with_direct.len()
    }

    /// Takes the next of those members off the list: whoever asks delivers to it.
    pub fn next_direct(&mut self) -> Option<MemberId> {
        let id = self.with_direct.pop_front()?;
        self.members[id.place].has_direct = false;
        Some(id)
    }

    /// Whether there is something to deliver to this member.
    pub fn is_behind(&self, id: MemberId) -> bool {
        self.member(id).is_some_and(|member| self.has_piece(member))
    }

    /// Bytes that this member's socket has taken so far.
    pub fn written(&self, id: MemberId) -> u64 {
        self.member(id).map_or(0, |member| self.members[member].written())
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
            self.mark_direct(place);
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
    /// [pulled](Self::next_batch): for a server whose members each deliver to themselves when they are called.
    pub fn next_to_wake(&mut self, from: usize) -> Option<MemberId> {
        let is_asleep = |member: &Member<H>| !member.woken && !member.full;
        let mut places = from..self.members.capacity();
        let place = places.find(|&place| {
            self.members.get(place).is_some_and(is_asleep) && self.has_piece(place)
        })?;
        let member = &mut self.members[place];
        member.woken = true;
        Some(MemberId::new(place, member.serial))
    }

    pub(super) fn has_piece(&self, place: usize) -> bool {
        self.members[place].piece(self.log.head()).is_some()
    }

    /// Puts what comes next for this member into `offer`, emptied first: whole and partial pairs, at most 1024
    /// slices per write. Nothing is moved on. `None` if the member is gone or has everything.
    /// `now` tells whether it is idle: then it is given its pairs in small writes (SPEC RLY-12).
    pub fn next_batch(&mut self, id: MemberId, offer: &mut WriteBatch, now: Instant) -> Option<&H> {
        offer.begin(now);
        let place = self.member(id)?;
        self.members[place].woken = false;
        self.batches += 1;
        if self.batches.is_multiple_of(BATCHES_PER_FREEZE) {
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
        member.resize_buffer(offer);
        Some(&member.handle)
    }

    fn collect(&self, place: usize, offer: &mut WriteBatch, now: Instant) {
        let member = &self.members[place];
        if member.is_streaming(now) {
            offer.fill(self.slices(place));
        } else {
            offer.fill_in_groups(self.slices(place), member.pair_remainder());
        }
    }

    /// A member's view as far as it is frozen.
    fn slices(&self, place: usize) -> impl Iterator<Item = Bytes> {
        let member = &self.members[place];
        let mut asides = 0..;
        member.pieces(self.log.frozen()).flat_map(move |piece| {
            let (aside, range) = match piece {
                Piece::Direct(_) => (asides.next().map(|index| member.direct(index)), None),
                Piece::Log(range) => (None, Some(range)),
            };
            let slices = range.into_iter().flat_map(|range| self.log.read(range.start, range.end));
            aside.into_iter().chain(slices)
        })
    }

    /// Takes note of what became of an offer to a member's socket, as it was pulled: how many bytes the socket
    /// took, that it is full, or that it is lost.
    pub fn advance(&mut self, id: MemberId, offer: &WriteBatch, result: io::Result<usize>) -> Wake {
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return self.abort(id, &error.into()),
        };
        let Some(place) = self.member(id) else { return Wake::Nobody };
        let Some(now) = offer.made() else { return Wake::Nobody };
        self.counters.delivered(bytes);
        let (taken, rest) = if bytes == offer.bytes() {
            (Written::All, 0)
        } else {
            let taken = if bytes > 0 { Written::Partly } else { Written::Nothing };
            (
                taken,
                remainder_after(self.slices(place), self.members[place].pair_remainder(), bytes),
            )
        };
        let member = &mut self.members[place];
        let (before, asides) = (member.cursor(), member.direct_bytes());
        member.advance(bytes, &self.log);
        member.record_write(taken, rest, self.log.head(), now);
        // It may itself be waiting for its answers to be read, and they come behind what was said before.
        let reads_answers = asides > 0 && bytes > 0;
        let done = member.is_ending() && member.piece(self.log.head()).is_none();
        let resumed = self.flow.moved(before, member.cursor());
        self.trim_if_worthwhile();
        release(reads_answers || done || resumed)
    }

    pub(super) fn check_lag_if_due(&mut self, now: Instant) {
        if self.flow.is_due(self.log.head()) {
            self.trim();
            let cursors = self.members.iter().map(|(_, member)| member.cursor());
            self.flow.watch(self.log.head(), cursors, now);
        }
    }

    /// Gives back what everybody has had, at a cost of one look per member and that many moves.
    pub(super) fn trim_if_worthwhile(&mut self) {
        if self.flow.is_worth_trimming(self.log.held(), self.members.len()) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let cursors = self.members.iter().map(|(_, member)| member.cursor());
        self.log.trim(cursors.min().unwrap_or_else(|| self.log.head()));
        self.flow.trimmed();
    }
}

impl MemberId {
    /// The place to go on from in [`Room::next_behind`].
    pub fn next_place(self) -> usize {
        self.place + 1
    }
}

/// So many members in turn are given the same slices, however fast others append.
const BATCHES_PER_FREEZE: u64 = 8;

#[cfg(test)]
mod tests;
