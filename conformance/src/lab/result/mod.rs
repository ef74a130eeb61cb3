//! Result: holds the figures of all runs, and derives medians, noise, ranks and knees from them.

pub(super) mod knee;
pub(super) mod metric;
pub(super) mod record;
pub(super) mod standing;
pub(super) mod statistics;
