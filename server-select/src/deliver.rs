//! Deliver: moves every member's cursor, after each turn.

use std::time::Instant;

use server_core::socket::{self, members_per_turn};
use server_core::{MemberId, Room, WriteBatch};

use crate::Server;

/// What is left to deliver.
#[derive(Default)]
pub(crate) struct Delivery {
    /// The room's head when the last round began: what came later is not delivered yet.
    served_head: u64,
    /// Somebody had more to get than one offer holds.
    more: bool,
    /// Where the round under way goes on; `None` between two rounds.
    from: Option<usize>,
    /// Where the log ended when it began.
    begun: u64,
    /// Connections whose sockets can take more again.
    pub(crate) unblocked: Vec<usize>,
    offer: WriteBatch,
}

impl Delivery {
    /// Whether the next round must not wait for the poll.
    pub(crate) fn is_unfinished(&self, room: &Room<usize>) -> bool {
        self.more
            || self.from.is_some()
            || self.served_head != room.head()
            || room.direct_pending() > 0
    }
}

impl Server {
    /// Delivers to those whose sockets were full and are not any more and to those who have something for
    /// themselves alone, and goes on with the round over all members, or begins one if there is something new for all.
    pub(crate) fn deliver(&mut self) {
        for place in std::mem::take(&mut self.delivery.unblocked) {
            let connection = self.connections.get(place);
            let member = connection.and_then(|connection| connection.session().member());
            if let Some(member) = member.filter(|member| self.room.is_full(*member)) {
                self.deliver_to(member);
            }
        }
        for _ in 0..self.room.direct_pending() {
            let Some(member) = self.room.next_direct() else { break };
            if !self.room.is_full(member) {
                self.deliver_to(member);
            }
        }
        if self.delivery.from.is_none()
            && (std::mem::take(&mut self.delivery.more)
                || self.delivery.served_head != self.room.head())
        {
            self.delivery.served_head = self.room.head();
            self.delivery.from = Some(0);
            self.delivery.begun = self.room.head();
        }
        self.round();
        self.delivery.offer.clear();
    }

    /// Serves as many members as one turn allows.
    fn round(&mut self) {
        for _ in 0..members_per_turn(self.room.head() - self.delivery.begun) {
            let Some(from) = self.delivery.from else { return };
            let next = self.room.next_behind(from);
            self.delivery.from = next.map(MemberId::next_place);
            let Some(member) = next else { return };
            self.deliver_to(member);
        }
    }

    /// Offers one member what comes next for it.
    fn deliver_to(&mut self, member: MemberId) {
        let offer = &mut self.delivery.offer;
        let Some(&place) = self.room.next_batch(member, offer, Instant::now()) else { return };
        let stream = &self.connections[place].stream;
        let sent = stream.try_io(|| socket::write_batch(stream, offer));
        let release = self.room.advance(member, offer, sent);
        self.delivery.more |= self.room.is_behind(member) && !self.room.is_full(member);
        self.wake(release);
        if self.room.name(member).is_none() {
            let reason = self.room.close_reason(member);
            self.depart(place, reason);
        }
    }
}
