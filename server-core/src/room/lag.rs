//! Lag: looks at all cursors now and then, for the flow rule and for trimming the log. A part of [`Room`].

use std::time::Instant;

use super::Room;

impl<H: Clone> Room<H> {
    /// Looks at the lag of all members once in a while, and pauses the room if one lags too far.
    pub(super) fn check_lag_if_due(&mut self, now: Instant) {
        if self.flow.is_due(self.log.head()) {
            self.trim();
            let cursors = self.members.iter().map(|(_, member)| member.cursor());
            self.flow.check_lag(self.log.head(), cursors, now);
        }
    }

    /// Discards what all members were delivered, if it is worth the look at every member.
    pub(super) fn trim_if_worthwhile(&mut self) {
        if self.flow.is_worth_trimming(self.log.held(), self.members.len()) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let cursors = self.members.iter().map(|(_, member)| member.cursor());
        self.log.trim(cursors.min().unwrap_or_else(|| self.log.head()));
        self.flow.trimmed();
    }
}
