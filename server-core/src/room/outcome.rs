//! Outcome: what calls to the room return: ids, errors, what became of a message, what to wake.

use crate::close::CloseReason;

/// A member's place in the room. The id of a member that left never names a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemberId {
    pub(super) place: usize,
    pub(super) serial: u64,
}

/// Why a client did not join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JoinError {
    /// Not yet: with extensions, joining appends a notice, and the room is paused. Join again when the
    /// pause is over, as with [`Said::Paused`].
    Paused,
    /// Never, for this reason.
    Refused(CloseReason),
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a paused message is not in the room: keep it and try again"]
pub enum Said {
    /// It is in the log or, if it was a command, was carried out.
    Appended,
    /// It was a command, and the member's name has changed.
    Renamed,
    /// Not accepted yet: the room is paused, or answers wait for the sender. Try again when
    /// [`advance`](super::Room::advance), [`leave`](super::Room::leave) or [`overdue`](super::Room::overdue) say so.
    Paused,
    /// It will never be accepted: the member was aborted, or the room is closed.
    Closed,
}

/// Whether connections that wait for the room are to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "connections that wait for the end of a pause or of a drain must be woken"]
pub enum Wake {
    /// Nothing happened that a connection waits for.
    None,
    /// A pause has ended, a member is drained, or it has read some of its answers.
    Waiters,
}

impl MemberId {
    pub(crate) const fn new(place: usize, serial: u64) -> Self {
        Self { place, serial }
    }
}

impl Wake {
    pub(super) fn waiters_if(happened: bool) -> Self {
        if happened { Self::Waiters } else { Self::None }
    }
}
