//! Stop: the graceful shutdown.

use std::sync::MutexGuard;
use std::time::Instant;

use server_core::{STOPPING, Wake};

use crate::{Server, State, deliver};

impl Server {
    /// The graceful shutdown: processes input that was read, notifies all members, delivers and closes, all
    /// within the grace.
    pub(crate) fn stop(&self) {
        let Some(deadlines) = self.shutdown.deadlines(self.settings.grace) else { return };
        // After this lock, no thread is between a look at the shutdown and its wait.
        drop(self.lock());
        self.wake(Wake::Waiters);
        let mut state = self.wait_until(deadlines.read, |state| state.reading == 0);
        state.room.close(STOPPING);
        deliver::deliver(self, state);
        self.wake(Wake::Waiters);
        state = self.wait_until(deadlines.serve, |state| state.connections + state.lingering == 0);
        deliver::stop_delivery_thread(self, &mut state);
        let counters = state.room.counters().clone();
        drop(state);
        counters.log_totals();
    }

    fn wait_until(&self, until: Instant, done: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while !done(&state) && Instant::now() < until {
            state = self.wait(state, Some(until));
        }
        state
    }
}
