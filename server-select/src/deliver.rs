//! Deliver: moves every member's cursor, in each turn of the loop after its reads.

use std::time::Instant;

use server_core::socket::{self, members_per_turn};
use server_core::{MemberId, Room, WriteBatch};

use crate::Server;

/// How far the members were served.
#[derive(Default)]
pub(crate) struct Delivery {
    /// The log's head when the last round began. Some members have received later bytes, too; another round serves
    /// the others.
    round_head: u64,
    /// Whether a member was left behind: its batch was full, or the rest was not frozen yet.
    more: bool,
    /// The place at which the round in progress goes on; `None` between two rounds.
    next_place: Option<usize>,
    /// Connections whose sockets are writable again.
    pub(crate) writable: Vec<usize>,
    batch: WriteBatch,
}

impl Delivery {
    /// Whether there is something to deliver for which the loop need not wait.
    pub(crate) fn is_unfinished(&self, room: &Room<usize>) -> bool {
        self.more || self.next_place.is_some() || self.has_news(room)
    }

    /// Whether there is something that no round has looked at.
    fn has_news(&self, room: &Room<usize>) -> bool {
        self.round_head != room.head() || room.to_serve() > 0
    }
}

impl Server {
    /// Serves the members whose full sockets are writable again, and those to be served apart from a round. Then
    /// goes on with the round over all members, or begins one if there is something new for all.
    pub(crate) fn deliver(&mut self) {
        for place in std::mem::take(&mut self.delivery.writable) {
            let connection = self.connections.get(place);
            let member = connection.and_then(|connection| connection.session.member());
            if let Some(member) = member.filter(|member| self.room.is_full(*member)) {
                self.deliver_to(member);
            }
        }
        for _ in 0..self.room.to_serve() {
            let Some(member) = self.room.next_to_serve() else { break };
            if !self.room.is_full(member) {
                self.deliver_to(member);
            }
        }
        self.begin_round();
        self.round();
        self.delivery.batch.clear();
    }

    /// Begins a round, unless one is in progress or there is nothing new.
    fn begin_round(&mut self) {
        let delivery = &mut self.delivery;
        if delivery.next_place.is_some() {
            return;
        }
        let had_more = std::mem::take(&mut delivery.more);
        if had_more || delivery.round_head != self.room.head() {
            delivery.round_head = self.room.head();
            delivery.next_place = Some(0);
        }
    }

    /// Serves as many members as one turn allows: 32, or all that are left if much was appended since the round began.
    fn round(&mut self) {
        for _ in 0..members_per_turn(self.room.head() - self.delivery.round_head) {
            let Some(place) = self.delivery.next_place else { return };
            let next = self.room.next_behind(place);
            self.delivery.next_place = next.map(MemberId::next_place);
            let Some(member) = next else { return };
            self.deliver_to(member);
        }
    }

    /// Writes one member's next batch to its socket.
    fn deliver_to(&mut self, member: MemberId) {
        let batch = &mut self.delivery.batch;
        let Some(&place) = self.room.next_batch(member, batch, Instant::now()) else { return };
        let stream = &self.connections[place].stream;
        let written = stream.try_io(|| socket::write_batch(stream, batch));
        let wake = self.room.advance(member, batch, written);
        self.delivery.more |= self.room.is_behind(member) && !self.room.is_full(member);
        self.wake(wake);
        if self.room.name(member).is_none() {
            let reason = self.room.close_reason(member);
            self.drain(place, reason);
        }
    }
}
