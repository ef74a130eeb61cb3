//! Activity: what the log says about a member that joins, sends messages and changes its name. A part of
//! [`Session`].

use std::time::{Duration, Instant};

use protocol::Name;
use tracing::{debug, info, warn};

use super::Session;

/// What a member did since the last lines about it.
#[derive(Debug, Default)]
pub(super) struct Activity {
    /// Whether it joined.
    pub(super) joined: bool,
    /// Messages that the room accepted.
    messages: usize,
    /// Bytes in them.
    bytes: usize,
    /// Whether text of it was repaired for the first time.
    repaired: bool,
}

/// The last change of name that is logged.
#[derive(Debug)]
pub(super) struct Rename {
    at: Instant,
    /// The name before it, until the line is written.
    before: Option<Name>,
}

impl Activity {
    pub(super) fn said(&mut self, bytes: usize) {
        self.messages += 1;
        self.bytes += bytes;
    }
}

impl Session {
    /// Records a new name. However often a client changes its name, the log has one line a second about it
    /// (SPEC SEC-02). The line about its end has its last name.
    pub(super) fn record_rename(&mut self, name: Option<&Name>, now: Instant) {
        let Some((joined, name)) = self.joined.as_mut().zip(name) else { return };
        let before = std::mem::replace(&mut joined.name, name.clone());
        if self.rename.as_ref().is_none_or(|rename| now - rename.at >= RENAMES_APART) {
            self.rename = Some(Box::new(Rename { at: now, before: Some(before) }));
        }
    }

    /// Records that text of the client was not valid UTF-8. However much of it is not, the log has one line
    /// about it per connection (SPEC SEC-02).
    #[cold]
    pub(super) fn record_repair(&mut self) {
        self.activity.repaired |= !std::mem::replace(&mut self.repaired, true);
    }

    /// Logs what [`process_input`](Self::process_input) did since the last call.
    pub fn log_activity(&mut self) {
        let Activity { joined, messages, bytes, repaired } = std::mem::take(&mut self.activity);
        let before = self.rename.as_mut().and_then(|rename| rename.before.take());
        if joined {
            let name = before.as_ref().map_or(self.name(), Name::as_str);
            info!(peer = %self.peer, ?name, "joined");
        }
        if let Some(before) = before {
            info!(peer = %self.peer, name = ?self.name(), before = ?before.as_str(), "renamed");
        }
        if repaired {
            warn!(
                peer = %self.peer,
                name = ?self.name(),
                "text that is not valid UTF-8: U+FFFD replaces each invalid part (logged once)"
            );
        }
        if messages > 0 {
            debug!(peer = %self.peer, messages, bytes, "said");
        }
    }

    /// The name that lines about this connection show; empty until it has joined.
    pub(super) fn name(&self) -> &str {
        self.joined.as_ref().map_or("", |joined| joined.name.as_str())
    }
}

/// Time between two lines about new names of one member.
const RENAMES_APART: Duration = Duration::from_secs(1);
