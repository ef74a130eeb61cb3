//! End: how a connection leaves the room, and what its client is sent. A part of [`Session`].

use bytes::Bytes;
use protocol::pair;
use tracing::info;

use super::Session;
use crate::close::{CloseReason, Ending};
use crate::names::RESERVED;
use crate::room::{Room, Wake};

impl Session {
    /// Starts the end: fixes what the member is still served, with the reason as the last pair if the
    /// client is rejected. At a shutdown, [`Room::close`] does that for all members at once.
    pub fn drain<H: Clone>(&self, room: &mut Room<H>, reason: &CloseReason) -> Wake {
        let Some(member) = self.member() else { return Wake::None };
        match reason {
            CloseReason::Shutdown => Wake::None,
            reason if reason.ending() == Ending::Abort => room.abort(member, reason),
            reason => {
                room.drain(member, reason.message().as_deref());
                Wake::None
            }
        }
    }

    /// Whether the member was delivered everything that it was owed. True for a connection that never
    /// joined.
    pub fn is_drained<H: Clone>(&self, room: &Room<H>) -> bool {
        self.member().is_none_or(|member| room.is_drained(member))
    }

    /// Ends the membership: the name is free before the client can see the end of the connection (SPEC
    /// CLS-07). If the room had aborted the member, its reason replaces the given one.
    pub fn leave<H: Clone>(&self, room: &mut Room<H>, reason: &mut CloseReason) -> Wake {
        room.leave(self.member(), reason)
    }

    /// Logs the end.
    pub fn log_end(&self, reason: &CloseReason) {
        info!(peer = %self.peer, name = ?self.name(), reason = reason.label(), why = %reason, "closed");
    }

    /// The pair that gives a rejected client the reason, if it never joined. A member receives it from the
    /// room.
    pub fn rejection(&self, reason: &CloseReason) -> Option<Bytes> {
        if self.member().is_some() { None } else { rejection(reason) }
    }
}

/// The pair that gives a client that is no member the reason why it is rejected; `None` if the reason
/// is not sent.
pub fn rejection(reason: &CloseReason) -> Option<Bytes> {
    Some(pair(RESERVED.as_bytes(), reason.message()?.as_bytes()))
}
