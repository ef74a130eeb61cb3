//! End: how a connection leaves the room, and what is told and written about it. The last part of [`Session`].

use bytes::Bytes;
use protocol::pair;
use tracing::info;

use super::Session;
use crate::close::{CloseReason, Ending};
use crate::names::RESERVED;
use crate::room::{Room, Wake};

impl Session {
    /// The end begins: fixes what the member is still served, the reason last if it is refused. At a
    /// shutdown the room does that for everybody at once, with [`Room::close`].
    pub fn drain<H: Clone>(&self, room: &mut Room<H>, reason: &CloseReason) -> Wake {
        let Some(member) = self.member() else { return Wake::Nobody };
        match reason {
            CloseReason::Shutdown => Wake::Nobody,
            reason if reason.ending() == Ending::Abort => room.abort(member, reason),
            reason => {
                room.drain(member, reason.farewell().as_deref());
                Wake::Nobody
            }
        }
    }

    /// Whether the member has been served all it was due, or was never one.
    pub fn is_drained<H: Clone>(&self, room: &Room<H>) -> bool {
        self.member().is_none_or(|member| room.is_drained(member))
    }

    /// The end: the name is free from here on, before the client can see the connection's end (SPEC
    /// CLS-07). A reason that the room had to abort the member for goes before the given one.
    pub fn leave<H: Clone>(&self, room: &mut Room<H>, reason: &mut CloseReason) -> Wake {
        room.leave(self.member(), reason)
    }

    /// Writes the end to the log.
    pub fn log_end(&self, reason: &CloseReason) {
        info!(peer = %self.peer, name = ?self.name(), reason = reason.label(), why = %reason, "closed");
    }

    /// What a client that never joined is told when it is refused; members are told by the room.
    pub fn rejection(&self, reason: &CloseReason) -> Option<Bytes> {
        if self.member().is_some() { None } else { rejection(reason) }
    }
}

/// The pair that tells somebody who is no member why it is refused; `None` if the reason needs no word.
pub fn rejection(reason: &CloseReason) -> Option<Bytes> {
    Some(pair(RESERVED.as_bytes(), reason.farewell()?.as_bytes()))
}
