//! Stop: the graceful shutdown.

use std::time::Instant;

use server_core::{STOPPING, Wake};

use crate::{Server, State, deliver};

impl Server {
    /// The graceful shutdown: processes input that was read, notifies all members, delivers and closes, all
    /// within the grace.
    pub(crate) async fn stop(&self) {
        let Some(deadlines) = self.shutdown.deadlines(self.settings.grace) else { return };
        let connections = self.lock().connections.clone();
        connections.iter().for_each(|(_, waker)| waker.wake_by_ref());
        self.wake(Wake::Waiters);
        self.wait_until(deadlines.read, |state| state.reading == 0).await;
        {
            let mut state = self.lock();
            state.room.close(STOPPING);
            deliver::deliver(state);
        }
        self.wake(Wake::Waiters);
        self.wait_until(deadlines.serve, |state| state.connections.len() + state.lingering == 0)
            .await;
        let counters = self.lock().room.counters().clone();
        counters.log_totals();
    }

    async fn wait_until(&self, until: Instant, done: impl Fn(&State) -> bool) {
        let mut seen = self.waiters.subscribe();
        while !done(&self.lock()) && Instant::now() < until {
            self.wait(&mut seen, Some(until)).await;
        }
    }
}
