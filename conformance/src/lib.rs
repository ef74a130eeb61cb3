//! One suite that holds every server of the protocol to the same rules.

pub mod baselines;
pub mod cli;
pub mod lab;
pub mod process;
pub mod siege;
pub mod spec;
pub mod suite;
pub mod support;
pub mod target;
