//! Baselines: servers that are measured beside ours, from a program that only passes on bytes to brokers that people
//! know.

mod baseline;
mod brokers;
mod floor;
mod naive;

pub use self::baseline::{FaultyArgs, Yardstick, YardstickArgs};
pub use self::brokers::{Installed, Peer};
