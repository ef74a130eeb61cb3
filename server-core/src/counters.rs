//! Counters: totals of a server, logged at exit.

use std::collections::BTreeMap;
use std::fmt;

use tracing::info;

use crate::close::CloseReason;

/// Totals since the start. Nothing is counted per message and member, because that would be work per delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Members that joined.
    pub joined: u64,
    /// Most members at once.
    pub members_max: usize,
    /// Messages accepted.
    pub messages: u64,
    /// Bytes in them, without headers and names.
    pub message_bytes: u64,
    /// Writes of which a socket took at least one byte.
    pub writes: u64,
    /// Bytes in them.
    pub written_bytes: u64,
    /// Connections that ended, by [`CloseReason::label`].
    pub closed: BTreeMap<&'static str, u64>,
}

impl Counters {
    /// Logs the totals, at the end.
    pub fn log_totals(&self) {
        info!("stopped: {self}");
    }

    pub(crate) fn joined(&mut self, members: usize) {
        self.joined += 1;
        self.members_max = self.members_max.max(members);
    }

    pub(crate) fn said(&mut self, bytes: usize) {
        self.messages += 1;
        self.message_bytes += bytes as u64;
    }

    pub(crate) fn delivered(&mut self, bytes: usize) {
        self.writes += u64::from(bytes > 0);
        self.written_bytes += bytes as u64;
    }

    pub(crate) fn closed(&mut self, reason: &CloseReason) {
        *self.closed.entry(reason.label()).or_default() += 1;
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "joined={} members_max={} messages={} message_bytes={} writes={} written_bytes={}",
            self.joined,
            self.members_max,
            self.messages,
            self.message_bytes,
            self.writes,
            self.written_bytes
        )?;
        self.closed.iter().try_for_each(|(label, count)| write!(f, " closed_{label}={count}"))
    }
}
