//! Baselines: servers that are measured beside ours, from a program that only passes on bytes to brokers that people
//! know.

mod baseline;
mod brokers;
mod floor;
mod naive;

pub use self::baseline::{Baseline, BaselineArgs, DefectiveArgs};
pub use self::brokers::{Broker, Installed};
