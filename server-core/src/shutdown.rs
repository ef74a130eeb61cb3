//! Shutdown: one switch that every wait in a server can be woken by.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::close::CloseReason;
use crate::settings::Settings;

/// Told once, known to everybody. How a blocked wait is woken is the concurrency model's business: it
/// leaves a function here that does it.
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
    /// Turns the switch and wakes whoever asked for it. Turning it again does nothing.
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

    /// Whether the switch has been turned.
    pub fn is_triggered(&self) -> bool {
        self.0.triggered.get().is_some()
    }

    /// Until when connections may still be read, and until when they may still be served, if leaving may
    /// take `grace` in all: half of it and three quarters. `None` before the switch is turned.
    pub fn deadlines(&self, grace: Duration) -> Option<Deadlines> {
        let triggered = *self.0.triggered.get()?;
        Some(Deadlines { read: triggered + grace / 2, serve: triggered + grace / 4 * 3 })
    }

    /// Until when a connection that ends for `reason` is served what it is due: for the patience, or, at a
    /// shutdown, for as long as there is.
    pub fn serve_until(&self, settings: &Settings, reason: &CloseReason, now: Instant) -> Instant {
        let stop = self.deadlines(settings.grace).filter(|_| *reason == CloseReason::Shutdown);
        stop.map_or(now + settings.patience, |stop| stop.serve)
    }

    /// Until when a client that is refused may read why.
    pub fn linger_until(&self, settings: &Settings, now: Instant) -> Instant {
        let linger = now + settings.reject_linger;
        self.deadlines(settings.grace).map_or(linger, |stop| linger.min(stop.serve))
    }

    /// Has `wake` called when the switch is turned; at once, if it has been.
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

/// The parts of a shutdown's grace; what is left at the end is for the process to exit.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// What had been read must be in the room.
    pub read: Instant,
    /// It must be delivered, and connections closed.
    pub serve: Instant,
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Shutdown").field(&self.is_triggered()).finish()
    }
}
