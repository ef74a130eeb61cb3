//! One suite that holds every server of the protocol to the same rules.

pub mod cli;
mod floor;
pub mod lab;
pub mod peers;
pub mod process;
mod rungs;
pub mod siege;
pub mod spec;
pub mod suite;
pub mod support;
pub mod target;
pub mod yardstick;
