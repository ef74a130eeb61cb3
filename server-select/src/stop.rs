//! Stop: the graceful shutdown.

use std::time::Instant;

use server_core::{CloseReason, STOPPING};

use crate::Server;

impl Server {
    /// The graceful shutdown: processes input that was read, notifies all members, delivers and closes, all
    /// within the grace.
    pub(crate) fn stop(&mut self, now: Instant) {
        let Some(deadlines) = self.shutdown.deadlines(self.settings.grace) else { return };
        self.listeners.clear();
        let places: Vec<_> = self.connections.iter().map(|(place, _)| place).collect();
        let mut reading = 0;
        for place in places {
            if self.connections[place].is_paused() && now < deadlines.read {
                reading += 1;
            } else if self.connections[place].is_read() {
                self.drain(place, CloseReason::Shutdown);
            }
        }
        if reading == 0 && !self.room.is_closed() {
            self.room.close(STOPPING);
        }
    }

    /// Whether a shutdown is complete.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        let stop = self.shutdown.deadlines(self.settings.grace);
        stop.is_some_and(|stop| self.connections.is_empty() || stop.serve <= now)
    }
}
