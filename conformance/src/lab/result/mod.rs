//! Result: what was found, and what may be said of it.

pub(super) mod knee;
pub(super) mod metric;
pub(super) mod record;
pub(super) mod standing;
pub(super) mod statistics;
