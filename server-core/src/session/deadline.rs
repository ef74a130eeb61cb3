//! Deadline: how long a client may take, and how long a connection waits for the room. A part of [`Session`].

use std::time::Instant;

use super::Session;
use crate::close::CloseReason;

impl Session {
    /// Until when the client must have sent its name, completed the frame that it has begun, or, after
    /// [`Next::Wait`](super::Next::Wait), read its answers.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Why the connection ends, if that time is over (SPEC HSK-08, SLO-02).
    pub fn expired(&self, now: Instant) -> Option<CloseReason> {
        let is_late = self.deadline.is_some_and(|deadline| deadline <= now);
        let reason = match (self.member(), &self.stash) {
            (None, _) => CloseReason::NameTimeout,
            (_, None) => CloseReason::FrameTimeout,
            (_, Some(_)) => CloseReason::TooSlow,
        };
        is_late.then_some(reason)
    }

    /// After [`Next::Wait`](super::Next::Wait): until when to wait for the room, at most until `stop`. `None` means without
    /// a limit.
    ///
    /// # Errors
    ///
    /// Why the wait is over: the member does not read its answers, or the time to stop has come.
    pub fn wait_until(
        &self,
        stop: Option<Instant>,
        now: Instant,
    ) -> Result<Option<Instant>, CloseReason> {
        if let Some(reason) = self.expired(now) {
            return Err(reason);
        }
        if stop.is_some_and(|stop| stop <= now) {
            return Err(CloseReason::Shutdown);
        }
        Ok(stop.into_iter().chain(self.deadline).min())
    }
}
