//! End: how members leave the room, and how it closes. A part of [`Room`].

use std::time::Instant;

use super::{MemberId, Room, Wake};
use crate::close::CloseReason;
use crate::member::Member;

impl<H: Clone> Room<H> {
    /// Fixes the end of what a member is served: the head of this moment (SPEC CLS-06). If the member is
    /// rejected, `reason` is the last pair that it receives, in the reserved sender's name.
    pub fn drain(&mut self, id: MemberId, reason: Option<&str>) {
        let Some(place) = self.member(id) else { return };
        if let Some(reason) = reason {
            self.notify(id, reason);
        }
        let head = self.log.head();
        self.members[place].end_at(head);
    }

    /// Whether a draining member was delivered everything that it was owed, or is gone.
    pub fn is_drained(&self, id: MemberId) -> bool {
        self.member(id)
            .is_none_or(|member| self.members[member].is_ending() && !self.has_piece(member))
    }

    /// Removes a member at once: its name is free, and the room no longer waits for it. The caller resets
    /// the connection and still calls [`leave`](Self::leave).
    pub fn abort(&mut self, id: MemberId, reason: &CloseReason) -> Wake {
        if self.member(id).is_none() {
            return Wake::None;
        }
        self.aborted.insert(id, reason.clone());
        self.remove(id);
        // Even if no pause ended: the member's own connection may wait.
        Wake::Waiters
    }

    /// Why a member that is gone is gone: what it was aborted for, or the shutdown.
    pub fn close_reason(&self, id: MemberId) -> CloseReason {
        self.aborted.get(&id).cloned().unwrap_or(CloseReason::Shutdown)
    }

    /// The end of a connection, whether it had joined or not: frees the member's name and place before the
    /// client can see the end (SPEC CLS-07), and counts the one reason. If the room had aborted the
    /// member, its reason replaces the given one.
    pub fn leave(&mut self, id: Option<MemberId>, reason: &mut CloseReason) -> Wake {
        if let Some(aborted) = id.and_then(|id| self.aborted.remove(&id)) {
            *reason = aborted;
        }
        self.counters.closed(reason);
        Wake::waiters_if(id.is_some_and(|id| self.remove(id)))
    }

    /// Removes a member. Returns whether that ended a pause.
    fn remove(&mut self, id: MemberId) -> bool {
        let Some(place) = self.member(id) else { return false };
        let member = self.members.remove(place);
        self.names.free(&member.name);
        if member.is_listed {
            self.to_serve.retain(|waiting| *waiting != id);
        }
        let resumed = self.flow.cursor_moved(member.cursor(), u64::MAX);
        self.announce_leave(&member.name);
        self.trim_if_worthwhile();
        resumed
    }

    /// When to call [`overdue`](Self::overdue); `None` unless the room is paused.
    pub fn deadline(&self) -> Option<Instant> {
        self.flow.deadline()
    }

    /// Aborts the members for which the room has waited long enough: their sockets are full and they still
    /// lag (SPEC BPR-01). The caller resets their connections, with `CloseReason::TooSlow`, and wakes
    /// those that wait for the room, unless the list is empty.
    pub fn overdue(&mut self, now: Instant) -> Vec<(MemberId, H)> {
        if !self.flow.take_overdue(now) {
            return Vec::new();
        }
        let is_late = |member: &Member<H>| member.full && self.flow.is_laggard(member.cursor());
        let late: Vec<_> = (self.members.iter())
            .filter(|(_, member)| is_late(member))
            .map(|(place, member)| (MemberId::new(place, member.serial), member.handle.clone()))
            .collect();
        for (id, _) in &late {
            // The caller wakes the waiters, once for all.
            let _ = self.abort(*id, &CloseReason::TooSlow);
        }
        late
    }

    /// Closes the room: `notice` is the last pair for all members, and they are served up to it
    /// (SPEC SHD-01). From then on no client joins and no message is accepted.
    pub fn close(&mut self, notice: &str) {
        self.closed = true;
        let head = self.append_notice(notice.as_bytes());
        for (_, member) in &mut self.members {
            member.end_at(head);
        }
    }

    /// Whether the room is closed.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}
