//! Activity: what is written about a member that joins, speaks and takes another name. A part of [`Session`].

use std::time::{Duration, Instant};

use protocol::Name;
use tracing::{debug, info};

use super::Session;

/// What a member has said since the last line about it.
#[derive(Debug, Default)]
pub(super) struct Activity {
    messages: usize,
    bytes: usize,
}

/// The last new name that a line was about.
#[derive(Debug)]
pub(super) struct Rename {
    written: Instant,
    /// The name before, as long as that is still to be written.
    before: Option<Name>,
}

impl Activity {
    pub(super) fn said(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }
}

impl Session {
    /// Takes note of a new name. However often a client changes it, the log has one line a second about it
    /// (SPEC SEC-02), and its end is written with its last name.
    pub(super) fn note_rename(&mut self, name: Option<&Name>, now: Instant) {
        let Some((joined, name)) = self.joined.as_mut().zip(name) else { return };
        let before = std::mem::replace(&mut joined.name, name.clone());
        if self.rename.as_ref().is_none_or(|rename| now - rename.written >= RENAMES_APART) {
            self.rename = Some(Box::new(Rename { written: now, before: Some(before) }));
        }
    }

    /// Writes to the log what [`act`](Self::process_input) has done since the last time.
    pub fn log_activity(&mut self) {
        let Activity { messages, bytes } = std::mem::take(&mut self.activity);
        let before = self.rename.as_mut().and_then(|rename| rename.before.take());
        if std::mem::take(&mut self.newly_joined) {
            let name = before.as_ref().map_or(self.name(), Name::as_str);
            info!(peer = %self.peer, ?name, "joined");
        }
        if let Some(before) = before {
            info!(peer = %self.peer, name = ?self.name(), before = ?before.as_str(), "renamed");
        }
        if messages > 0 {
            debug!(peer = %self.peer, messages, bytes, "said");
        }
    }

    /// The name that lines about it have; empty before it has joined.
    pub(super) fn name(&self) -> &str {
        self.joined.as_ref().map_or("", |joined| joined.name.as_str())
    }
}

/// Between two lines about new names of one member.
const RENAMES_APART: Duration = Duration::from_secs(1);
