//! Timer: wakes a poll at a time between two milliseconds. The timeout of a poll itself is in
//! milliseconds.

use std::io;
use std::time::Duration;

use mio::{Registry, Token};

/// The token of every timer's event. No member has it.
pub(super) const TIMER: Token = Token(usize::MAX);

/// A timer of the kernel. Waiting for the next message costs a system call and no processor time.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(super) struct WakeTimer(nix::sys::timerfd::TimerFd);

#[cfg(target_os = "linux")]
impl WakeTimer {
    /// A timer that wakes the poll of `registry`, until it is dropped.
    pub(super) fn new(registry: &Registry) -> io::Result<Self> {
        use std::os::fd::{AsFd, AsRawFd};

        use mio::Interest;
        use mio::unix::SourceFd;
        use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let descriptor = timer.as_fd().as_raw_fd();
        registry.register(&mut SourceFd(&descriptor), TIMER, Interest::READABLE)?;
        Ok(Self(timer))
    }

    /// Sets it to expire after `left`, which is not zero. Returns the timeout for the poll.
    pub(super) fn set(&self, left: Duration) -> io::Result<Duration> {
        use nix::sys::timerfd::{Expiration, TimerSetTimeFlags};

        // Setting the timer also clears an earlier expiration, so it is never read.
        self.0.set(Expiration::OneShot(left.into()), TimerSetTimeFlags::empty())?;
        // A poll rounds its timeout up to whole milliseconds, so the timer expires first.
        Ok(left)
    }
}

/// Without timers of the kernel, the last part of a millisecond is spent polling over and over.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) struct WakeTimer;

#[cfg(not(target_os = "linux"))]
impl WakeTimer {
    /// A timer for the poll of `registry`.
    pub(super) fn new(_registry: &Registry) -> io::Result<Self> {
        Ok(Self)
    }

    /// Returns the timeout for the poll, which ends before `left` is over.
    pub(super) fn set(&self, left: Duration) -> io::Result<Duration> {
        Ok(Duration::from_millis(left.as_millis().try_into().unwrap_or(u64::MAX)))
    }
}
