//! Plan: what is measured, on whom and in which order, as the command line asks for it.

pub(super) mod args;
pub(super) mod command;
pub(super) mod point;
pub(super) mod scale;
pub(super) mod schedule;
pub(super) mod workload;
