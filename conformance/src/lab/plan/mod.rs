//! Plan: turns the command line into workloads, points and the order of runs.

pub(super) mod args;
pub(super) mod command;
pub(super) mod point;
pub(super) mod scale;
pub(super) mod schedule;
pub(super) mod workload;
