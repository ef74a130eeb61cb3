//! Hostile clients: the hostile crowd, each client of which has its turn five times a second.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::budget::{Budget, Rates};
use super::end::End;
use super::hostile_client::HostileClient;
use super::kind::Kind;

/// Hostile clients of one kind, or of all.
#[derive(Debug)]
pub(super) struct HostileClients {
    clients: Vec<HostileClient>,
    budget: Budget,
    /// Whose turn comes next.
    cursor: usize,
    schedule: Schedule,
    connected: usize,
    standing_max: usize,
    ends: BTreeMap<End, u64>,
}

/// How many turns were due and taken since the beginning.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    start: Instant,
    taken: u64,
    /// Turns that were given up because the machine was too slow for them.
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
            schedule: Schedule { start: now, taken: 0, skipped: 0 },
            connected: 0,
            standing_max: 0,
            ends: BTreeMap::new(),
        }
    }

    /// How many of a crowd of this kind get and read all that is said in the room.
    pub(super) fn audience(kind: Kind, count: usize) -> usize {
        (0..count).filter(|number| kind.behaviour(*number).is_audience()).count()
    }

    /// Gives those their turn whose time has come, a few at a time.
    pub(super) fn turn(&mut self, now: Instant) {
        self.budget.refill(now);
        for _ in 0..self.schedule.due(now, self.clients.len()) {
            let place = self.cursor;
            self.cursor = (place + 1) % self.clients.len();
            let client = &mut self.clients[place];
            let (was, end) = (client.is_connected(), client.act(&mut self.budget));
            self.connected += usize::from(client.is_connected());
            self.connected -= usize::from(was);
            self.standing_max = self.standing_max.max(self.connected);
            count(&mut self.ends, end);
        }
    }

    /// Whether everybody has had a chance to be there: all are, or those who are not have been.
    pub(super) fn has_come(&self) -> bool {
        let ended: u64 = self.ends.values().sum();
        (self.connected as u64 + ended) >= self.clients.len() as u64
    }

    /// Has a few leave for good; tells whether all have.
    pub(super) fn leave(&mut self, now: Instant) -> bool {
        self.budget.refill(now);
        let leaving = self.clients.len().min(LEAVES_PER_TURN);
        for mut client in self.clients.drain(self.clients.len() - leaving..) {
            count(&mut self.ends, client.leave(&mut self.budget));
        }
        self.clients.is_empty()
    }

    /// The most that were connected at once.
    pub(super) fn standing_max(&self) -> usize {
        self.standing_max
    }

    /// How connections ended, and how many each way.
    pub(super) fn ends(&self) -> &BTreeMap<End, u64> {
        &self.ends
    }

    /// Which part of its turns the crowd really had, 0 to 1.
    pub(super) fn kept(&self) -> f64 {
        let Schedule { taken, skipped, .. } = self.schedule;
        #[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
        let part = taken as f64 / (taken + skipped).max(1) as f64;
        part
    }
}

impl Schedule {
    /// How many turns are to be taken now; they count as taken.
    fn due(&mut self, now: Instant, clients: usize) -> u64 {
        let elapsed = (now - self.start).as_nanos() * clients as u128 / PERIOD.as_nanos();
        let elapsed = u64::try_from(elapsed).expect("years of turns fit");
        let owed = elapsed - self.taken - self.skipped;
        // More than a whole round late: nobody would be served better by two turns in a row.
        let skipped = owed.saturating_sub(clients as u64);
        self.skipped += skipped;
        let due = (owed - skipped).min(TURNS_AT_ONCE);
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
/// So few that the honest clients are not kept waiting by the machine that checks them.
const TURNS_AT_ONCE: u64 = 100;
const LEAVES_PER_TURN: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_its_turn_once_a_period_and_what_is_too_late_is_skipped() {
        let start = Instant::now();
        let mut schedule = Schedule { start, taken: 0, skipped: 0 };
        assert_eq!(0, schedule.due(start, 10));
        assert_eq!(5, schedule.due(start + PERIOD / 2, 10));
        assert_eq!(5, schedule.due(start + PERIOD, 10));
        assert_eq!(10, schedule.due(start + 4 * PERIOD, 10));
        assert_eq!((20, 20), (schedule.taken, schedule.skipped));
    }
}
