//! Send schedule: when the honest clients send, and how late they did.

use std::time::{Duration, Instant};

use super::honest_clients::HonestClients;

/// A steady rate of messages, sent by the honest clients in turn.
#[derive(Debug)]
pub(super) struct SendSchedule {
    start: Instant,
    period: Duration,
    /// Messages sent so far.
    sent: u32,
    late_max: Duration,
}

impl SendSchedule {
    /// A schedule of `rate` messages a second of all clients together.
    pub(super) fn new(rate: u32, start: Instant) -> Self {
        Self { start, period: Duration::from_secs(1) / rate, sent: 0, late_max: Duration::ZERO }
    }

    /// Sends what is due.
    pub(super) fn send_due(&mut self, honest: &mut HonestClients, now: Instant) {
        while let Some(late) = now.checked_duration_since(self.start + self.period * self.sent) {
            self.late_max = self.late_max.max(late);
            honest.send(self.sent as usize % honest.len());
            self.sent += 1;
        }
    }

    /// The longest delay of a message after it was due. It is a delay of this machine, not of the
    /// server.
    pub(super) fn late_max(&self) -> Duration {
        self.late_max
    }
}
