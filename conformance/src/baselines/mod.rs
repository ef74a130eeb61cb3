//! Baselines: programs that are measured beside our servers, from one that only copies bytes to
//! well-known brokers.

mod baseline;
mod brokers;
mod floor;
mod naive;

pub use self::baseline::{Baseline, BaselineArgs, DefectiveArgs};
pub use self::brokers::{Broker, Installed};
