//! Baselines: servers that are measured beside ours, from a program that only passes on bytes to brokers that people
//! know.

mod brokers;
mod floor;
mod naive;
mod yardstick;

pub use self::brokers::{Installed, Peer};
pub use self::yardstick::{FaultyArgs, Yardstick, YardstickArgs};
