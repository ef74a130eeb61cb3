//! Send schedule: when the honest clients speak, and how late that was.

use std::time::{Duration, Instant};

use super::honest_clients::HonestClients;

/// A steady rate of messages, said by the honest clients in turn.
#[derive(Debug)]
pub(super) struct SendSchedule {
    start: Instant,
    period: Duration,
    said: u32,
    late_max: Duration,
}

impl SendSchedule {
    /// Speaks so many times a second, in all.
    pub(super) fn new(rate: u32, start: Instant) -> Self {
        Self { start, period: Duration::from_secs(1) / rate, said: 0, late_max: Duration::ZERO }
    }

    /// Says what is due.
    pub(super) fn speak(&mut self, honest: &mut HonestClients, now: Instant) {
        while let Some(late) = now.checked_duration_since(self.start + self.period * self.said) {
            self.late_max = self.late_max.max(late);
            honest.send(self.said as usize % honest.len());
            self.said += 1;
        }
    }

    /// The longest that a message was said later than it should have been: by this machine's fault.
    pub(super) fn late_max(&self) -> Duration {
        self.late_max
    }
}
