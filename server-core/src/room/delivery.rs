//! Delivery: what is next for which member, and how far each has been served. A part of [`Room`].

use std::io::{self, ErrorKind};
use std::time::Instant;

use bytes::Bytes;

use super::{MemberId, Room, Wake};
use crate::member::{Member, Piece};
use crate::write_batch::WriteBatch;

impl<H: Clone> Room<H> {
    /// Fills `batch` with what comes next for this member, as of `now`: whole and partial pairs. Nothing
    /// moves yet. `None` if the member is gone or has everything.
    ///
    /// Only frozen bytes can be sent. The tail is frozen for the first member that has nothing else to
    /// receive, so that all members of a round share its slices, and every few batches if it has become large.
    /// A member may therefore be behind after its batch: another round serves it.
    pub fn next_batch(&mut self, id: MemberId, batch: &mut WriteBatch, now: Instant) -> Option<&H> {
        batch.begin(now);
        let place = self.member(id)?;
        self.members[place].woken = false;
        self.batches += 1;
        if self.batches.is_multiple_of(BATCHES_PER_FREEZE) {
            // If much was appended since the round began, the members still to come receive it in the same batch.
            self.log.freeze_if_large();
        }
        self.fill(place, batch, now);
        if batch.is_empty() && self.has_piece(place) {
            self.log.freeze();
            self.fill(place, batch, now);
        }
        if batch.is_empty() {
            return None;
        }
        let member = &mut self.members[place];
        member.pacing.choose_buffer(batch);
        Some(&member.handle)
    }

    /// A member that reads all the time receives one large write, any other small writes of whole pairs (see
    /// `pacing.rs`).
    fn fill(&self, place: usize, batch: &mut WriteBatch, now: Instant) {
        let member = &self.members[place];
        // The decision is made here, because moving the large iterator into another function costs a fifth of a
        // delivery.
        if member.pacing.is_streaming(member.cursor(), now) {
            batch.fill(self.slices(place));
        } else {
            member.pacing.fill_in_groups(batch, self.slices(place));
        }
    }

    /// A member's view, as far as the log is frozen.
    fn slices(&self, place: usize) -> impl Iterator<Item = Bytes> {
        let member = &self.members[place];
        let mut index = 0..;
        member.pieces(self.log.frozen()).flat_map(move |piece| {
            let (direct, range) = match piece {
                Piece::Direct(_) => (index.next().map(|index| member.direct(index)), None),
                Piece::Log(range) => (None, Some(range)),
            };
            let slices = range.into_iter().flat_map(|range| self.log.read(range.start, range.end));
            direct.into_iter().chain(slices)
        })
    }

    /// Records the result of writing a batch to the member's socket: how many bytes the socket took, that it
    /// is full (`WouldBlock`), or that the connection is lost.
    pub fn advance(&mut self, id: MemberId, batch: &WriteBatch, result: io::Result<usize>) -> Wake {
        let bytes = match result {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return self.abort(id, &error.into()),
        };
        let (Some(place), Some(now)) = (self.member(id), batch.built_at()) else {
            return Wake::None;
        };
        self.counters.delivered(bytes);
        let is_full = bytes < batch.bytes();
        let pacing = &self.members[place].pacing;
        let remainder = if is_full { pacing.remainder(self.slices(place), bytes) } else { 0 };
        let member = &mut self.members[place];
        let (before, direct) = (member.cursor(), member.direct_bytes());
        member.advance(bytes, &self.log);
        // Until a write is complete. Then select and async write again when the socket is writable, and threaded
        // calls `unblock`.
        member.full = is_full;
        member.pacing.record_write(bytes, is_full, remainder, self.log.head(), now);
        // Its connection may wait until its answers are read. Log bytes come before them, so any byte counts.
        let reads_answers = direct > 0 && bytes > 0;
        let is_drained = member.is_ending() && member.piece(self.log.head()).is_none();
        let resumed = self.flow.cursor_moved(before, member.cursor());
        self.trim_if_worthwhile();
        Wake::waiters_if(reads_answers || is_drained || resumed)
    }

    /// The first member that is behind and whose socket is not full, at the place `from` or later: for a round
    /// over all members.
    pub fn next_behind(&self, from: usize) -> Option<MemberId> {
        self.find_behind(from, |member| !member.full)
    }

    /// Like [`next_behind`](Self::next_behind), without the members that were woken and have not asked for
    /// their [next batch](Self::next_batch) since: for a server in which each member's task delivers to it.
    pub fn next_to_wake(&mut self, from: usize) -> Option<MemberId> {
        let id = self.find_behind(from, |member| !member.woken && !member.full)?;
        self.members[id.place].woken = true;
        Some(id)
    }

    fn find_behind(&self, from: usize, wanted: impl Fn(&Member<H>) -> bool) -> Option<MemberId> {
        let mut places = from..self.members.capacity();
        let place = places
            .find(|&place| self.members.get(place).is_some_and(&wanted) && self.has_piece(place))?;
        Some(MemberId::new(place, self.members[place].serial))
    }

    /// How many members are to be served apart from a round: they have a new direct message, or their full socket
    /// is writable again.
    pub fn to_serve(&self) -> usize {
        self.to_serve.len()
    }

    /// Takes the next of those members off the list. The caller delivers to it.
    pub fn next_to_serve(&mut self) -> Option<MemberId> {
        let id = self.to_serve.pop_front()?;
        self.members[id.place].is_listed = false;
        Some(id)
    }

    /// Whether there is something left to deliver to this member.
    pub fn is_behind(&self, id: MemberId) -> bool {
        self.member(id).is_some_and(|place| self.has_piece(place))
    }

    pub(super) fn has_piece(&self, place: usize) -> bool {
        self.members[place].piece(self.log.head()).is_some()
    }

    /// Whether the last write to this member's socket was incomplete. The next one waits until the socket is
    /// writable.
    pub fn is_full(&self, id: MemberId) -> bool {
        self.member(id).is_some_and(|place| self.members[place].full)
    }

    /// All members whose sockets are full, and their handles.
    pub fn full(&self) -> Vec<(MemberId, H)> {
        let full = self.members.iter().filter(|(_, member)| member.full);
        full.map(|(place, member)| (MemberId::new(place, member.serial), member.handle.clone()))
            .collect()
    }

    /// Records that a full socket is writable: the member is served again.
    pub fn unblock(&mut self, id: MemberId) {
        if let Some(place) = self.member(id) {
            self.members[place].full = false;
            self.mark_to_serve(place);
        }
    }

    /// Bytes that this member's socket has taken so far.
    pub fn written(&self, id: MemberId) -> u64 {
        self.member(id).map_or(0, |place| self.members[place].pacing.written())
    }
}

impl MemberId {
    /// The place at which a round goes on after this member, for [`Room::next_behind`].
    pub fn next_place(self) -> usize {
        self.place + 1
    }
}

/// After so many batches the log's tail is frozen, if it is large. The members in between share the same slices.
const BATCHES_PER_FREEZE: u64 = 8;

#[cfg(test)]
mod tests;
