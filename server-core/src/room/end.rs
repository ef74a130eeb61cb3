//! End: how members leave the room, and how it is shut. The last part of [`Room`].

use std::time::Instant;

use super::{MemberId, Room, Wake, release};
use crate::close::CloseReason;
use crate::member::Member;

impl<H: Clone> Room<H> {
    /// Fixes how far a member that said its last is served: up to now, and no further (SPEC CLS-06). If
    /// it is to be refused, `farewell` comes last, in the reserved sender's name.
    pub fn drain(&mut self, id: MemberId, farewell: Option<&str>) {
        let Some(place) = self.member(id) else { return };
        if let Some(farewell) = farewell {
            self.tell(id, farewell);
        }
        let head = self.log.head();
        self.members[place].end_at(head);
    }

    /// Whether a member that finished has been delivered all that is for it, or is gone.
    pub fn is_drained(&self, id: MemberId) -> bool {
        self.member(id)
            .is_none_or(|member| self.members[member].is_ending() && !self.has_piece(member))
    }

    /// Ends a member at once: its name is free and the room no longer waits for it. Its connection must
    /// be ended by the caller, who still calls [`leave`](Self::leave).
    pub fn abort(&mut self, id: MemberId, reason: &CloseReason) -> Wake {
        if self.member(id).is_none() {
            return Wake::Nobody;
        }
        self.aborted.insert(id, reason.clone());
        self.remove(id);
        // Even if no pause ended: its own connection may be the one that waits.
        Wake::Waiters
    }

    /// Why a member can say nothing more: what it was aborted for, or the shutdown.
    pub fn close_reason(&self, id: MemberId) -> CloseReason {
        self.aborted.get(&id).cloned().unwrap_or(CloseReason::Shutdown)
    }

    /// A connection's end, whether it ever joined or not: frees the member's name and place before the
    /// client can see the end (SPEC CLS-07), and counts the one reason it ended for. If the room had
    /// aborted the member, that is the reason, and it is put in place of the given one.
    pub fn leave(&mut self, id: Option<MemberId>, reason: &mut CloseReason) -> Wake {
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
        if member.has_direct {
            self.with_direct.retain(|waiting| *waiting != id);
        }
        let resumed = self.flow.moved(member.cursor(), u64::MAX);
        self.announce_leave(&member.name);
        self.trim_if_worthwhile();
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
            .map(|(place, member)| (MemberId::new(place, member.serial), member.handle.clone()))
            .collect();
        for (id, _) in &late {
            // The caller wakes whoever waits if the list is not empty.
            let _ = self.abort(*id, &CloseReason::TooSlow);
        }
        late
    }

    /// Ends the room: `notice` is the last that anybody is told, and everybody is served up to it
    /// (SPEC SHD-01).
    pub fn close(&mut self, notice: &str) {
        self.closed = true;
        let head = self.append_notice(notice.as_bytes());
        for (_, member) in &mut self.members {
            member.end_at(head);
        }
    }

    /// Whether the room has been shut.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}
