//! Timers: whose time is up next.

use std::collections::BTreeSet;
use std::time::Instant;

/// At most one deadline per connection, the earliest first. A loop has nobody else to count the time.
#[derive(Default)]
pub(crate) struct Timers(BTreeSet<(Instant, usize)>);

impl Timers {
    /// Replaces the deadline of the connection at `place`.
    pub(crate) fn set(&mut self, place: usize, old: Option<Instant>, new: Option<Instant>) {
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.0.remove(&(old, place));
        }
        if let Some(new) = new {
            self.0.insert((new, place));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(deadline, _)| *deadline)
    }

    /// The connection whose deadline passed first, without taking it off: who hears of it sets another.
    pub(crate) fn expired(&self, now: Instant) -> Option<usize> {
        self.0.first().filter(|(deadline, _)| *deadline <= now).map(|(_, place)| *place)
    }
}
