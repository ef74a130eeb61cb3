//! One suite that holds every server of the protocol to the same rules.

pub mod cases;
pub mod causes;
pub mod cli;
pub mod client;
pub mod failure;
pub mod fault;
pub mod flood;
mod floor;
pub mod journal;
pub mod lab;
pub mod pairs;
pub mod peers;
pub mod process;
mod rungs;
pub mod siege;
pub mod spec;
pub mod stage;
pub mod suite;
pub mod support;
pub mod target;
pub mod visit;
pub mod yardstick;
