//! Run: starts the entrants, checks them against the rules and makes the trials one after the other.

pub(super) mod entrant;
pub(super) mod gate;
pub(super) mod list;
pub(super) mod session;
pub(super) mod trace;
pub(super) mod trial;
