//! Run: everything that is asked for is measured, one trial after the other.

pub(super) mod entrant;
pub(super) mod gate;
pub(super) mod list;
pub(super) mod session;
pub(super) mod trace;
pub(super) mod trial;
