//! Hostile clients: all of them, and their turns. Each client has five turns a second.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::budget::{Budget, Rates};
use super::end::End;
use super::hostile_client::HostileClient;
use super::kind::Kind;

/// Hostile clients of one kind, or of all kinds.
#[derive(Debug)]
pub(super) struct HostileClients {
    clients: Vec<HostileClient>,
    budget: Budget,
    /// The client whose turn comes next.
    cursor: usize,
    turns: Turns,
    connected: usize,
    connected_max: usize,
    ends: BTreeMap<End, u64>,
}

/// How many turns were due and taken since the start.
#[derive(Clone, Copy, Debug)]
struct Turns {
    start: Instant,
    taken: u64,
    /// Turns that were skipped because the machine was too slow.
    skipped: u64,
}

impl HostileClients {
    pub(super) fn new(
        kind: Kind,
        count: usize,
        addr: SocketAddr,
        rates: Rates,
        seed: u64,
        now: Instant,
    ) -> Self {
        Self {
            clients: (0..count).map(|number| HostileClient::new(kind.behaviour(number))).collect(),
            budget: Budget::new(addr, rates, seed, now),
            cursor: 0,
            turns: Turns { start: now, taken: 0, skipped: 0 },
            connected: 0,
            connected_max: 0,
            ends: BTreeMap::new(),
        }
    }

    /// How many of `count` clients of this kind receive and read every message of the room.
    pub(super) fn audience(kind: Kind, count: usize) -> usize {
        (0..count).filter(|number| kind.behaviour(*number).is_audience()).count()
    }

    /// Takes the turns that are due, a few at a time.
    pub(super) fn turn(&mut self, now: Instant) {
        self.budget.refill(now);
        for _ in 0..self.turns.due(now, self.clients.len()) {
            let place = self.cursor;
            self.cursor = (place + 1) % self.clients.len();
            let client = &mut self.clients[place];
            let (was, end) = (client.is_connected(), client.turn(&mut self.budget));
            self.connected += usize::from(client.is_connected());
            self.connected -= usize::from(was);
            self.connected_max = self.connected_max.max(self.connected);
            count(&mut self.ends, end);
        }
    }

    /// Whether every client has connected at least once: as many are connected or have ended as
    /// there are clients.
    pub(super) fn have_connected(&self) -> bool {
        let ended: u64 = self.ends.values().sum();
        (self.connected as u64 + ended) >= self.clients.len() as u64
    }

    /// Disconnects a few clients for good; returns whether all have left.
    pub(super) fn leave(&mut self, now: Instant) -> bool {
        self.budget.refill(now);
        let leaving = self.clients.len().min(LEAVES_PER_TURN);
        for mut client in self.clients.drain(self.clients.len() - leaving..) {
            count(&mut self.ends, client.leave(&mut self.budget));
        }
        self.clients.is_empty()
    }

    /// The most clients that were connected at once.
    pub(super) fn connected_max(&self) -> usize {
        self.connected_max
    }

    /// How connections ended, with the number of each end.
    pub(super) fn ends(&self) -> &BTreeMap<End, u64> {
        &self.ends
    }

    /// The part of all due turns that was taken, from 0 to 1.
    pub(super) fn turns_taken(&self) -> f64 {
        let Turns { taken, skipped, .. } = self.turns;
        #[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
        let part = taken as f64 / (taken + skipped).max(1) as f64;
        part
    }
}

impl Turns {
    /// How many turns to take now. They count as taken.
    fn due(&mut self, now: Instant, clients: usize) -> u64 {
        let elapsed = (now - self.start).as_nanos() * clients as u128 / PERIOD.as_nanos();
        let elapsed = u64::try_from(elapsed).expect("years of turns fit");
        let open = elapsed - self.taken - self.skipped;
        // Two turns of one client in a row would do no more than one.
        let skipped = open.saturating_sub(clients as u64);
        self.skipped += skipped;
        let due = (open - skipped).min(TURNS_AT_ONCE);
        self.taken += due;
        due
    }
}

fn count(ends: &mut BTreeMap<End, u64>, end: Option<End>) {
    if let Some(end) = end {
        *ends.entry(end).or_default() += 1;
    }
}

/// Between two turns of one client.
const PERIOD: Duration = Duration::from_millis(200);
/// So few that the honest clients, on the same thread, are not delayed.
const TURNS_AT_ONCE: u64 = 100;
const LEAVES_PER_TURN: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_one_turn_a_period_and_turns_too_late_are_skipped() {
        let start = Instant::now();
        let mut turns = Turns { start, taken: 0, skipped: 0 };
        assert_eq!(0, turns.due(start, 10));
        assert_eq!(5, turns.due(start + PERIOD / 2, 10));
        assert_eq!(5, turns.due(start + PERIOD, 10));
        assert_eq!(10, turns.due(start + 4 * PERIOD, 10));
        assert_eq!((20, 20), (turns.taken, turns.skipped));
    }
}
