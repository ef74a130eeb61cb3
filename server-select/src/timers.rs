//! Timers: the deadlines of all connections, the earliest first. A loop has to count the time itself.

use std::collections::BTreeSet;
use std::time::Instant;

/// At most one deadline per connection, which is named by its place.
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

    /// The connection with the earliest deadline, if that is over. It stays here until the caller sets
    /// another deadline.
    pub(crate) fn expired(&self, now: Instant) -> Option<usize> {
        self.0.first().filter(|(deadline, _)| *deadline <= now).map(|(_, place)| *place)
    }
}
