//! Shutdown: a switch that is triggered once, and ends every wait in a server.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::close::CloseReason;
use crate::settings::Settings;

/// The switch of the graceful shutdown. Its clones share one state. How a blocked wait is woken depends on the
/// concurrency model, which registers a function for it.
///
/// ```
/// let shutdown = server_core::Shutdown::default();
/// let (woken, wake) = (shutdown.clone(), shutdown.clone());
/// shutdown.on_trigger(move || assert!(woken.is_triggered()));
/// wake.trigger();
/// ```
#[derive(Clone, Default)]
pub struct Shutdown(Arc<Switch>);

#[derive(Default)]
struct Switch {
    triggered: OnceLock<Instant>,
    wakers: Mutex<Vec<Waker>>,
}

type Waker = Box<dyn Fn() + Send>;

impl Shutdown {
    /// Triggers the shutdown and calls the registered functions. A second call does nothing.
    pub fn trigger(&self) {
        let wakers = {
            let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
            self.0.triggered.get_or_init(Instant::now);
            std::mem::take(&mut *wakers)
        };
        for wake in wakers {
            wake();
        }
    }

    /// Whether the shutdown has been triggered.
    pub fn is_triggered(&self) -> bool {
        self.0.triggered.get().is_some()
    }

    /// Until when input may be processed and until when members may be served, if the shutdown may take `grace` in
    /// all: half of it, and three quarters. `None` before the shutdown is triggered.
    pub fn deadlines(&self, grace: Duration) -> Option<Deadlines> {
        let triggered = *self.0.triggered.get()?;
        Some(Deadlines { read: triggered + grace / 2, serve: triggered + grace / 4 * 3 })
    }

    /// Until when a connection that ends for `reason` is served what it is owed: for the patience; in a shutdown, up
    /// to the deadline of serving.
    pub fn serve_until(&self, settings: &Settings, reason: &CloseReason, now: Instant) -> Instant {
        let stop = self.deadlines(settings.grace).filter(|_| *reason == CloseReason::Shutdown);
        stop.map_or(now + settings.patience, |stop| stop.serve)
    }

    /// Until when a rejected client may read the reason.
    pub fn linger_until(&self, settings: &Settings, now: Instant) -> Instant {
        let linger = now + settings.reject_linger;
        self.deadlines(settings.grace).map_or(linger, |stop| linger.min(stop.serve))
    }

    /// Registers `wake`, which is called when the shutdown is triggered; at once, if it has been triggered.
    pub fn on_trigger(&self, wake: impl Fn() + Send + 'static) {
        let mut wakers = self.0.wakers.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_triggered() {
            drop(wakers);
            wake();
        } else {
            wakers.push(Box::new(wake));
        }
    }
}

/// The deadlines within a shutdown's grace. The last quarter of the grace is for the process to exit.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Until when input that was read is processed.
    pub read: Instant,
    /// Until when messages are delivered and connections closed.
    pub serve: Instant,
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shutdown").field(&self.is_triggered()).finish()
    }
}
