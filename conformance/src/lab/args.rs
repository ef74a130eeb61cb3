//! Arguments of the lab: who takes part, and how big the load is.

use clap::{Args, value_parser};

use crate::load::MESSAGE_BYTES_MIN;
use crate::model::Model;

/// What the lab is asked to do.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct LabArgs {
    /// Servers to measure, separated by commas; one named twice shows the noise [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SERVER,…")]
    pub servers: Vec<Model>,
    /// Clients that only listen; one more speaks
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u32).range(1..=10_000))]
    pub listeners: u32,
    /// Bytes of every message
    #[arg(long, default_value_t = 64, value_parser = value_parser!(u32).range(SIZES))]
    pub size: u32,
    /// The most messages that a listener may have still to hear
    #[arg(long, default_value_t = 1024, value_parser = value_parser!(u64).range(1..=1_048_576))]
    pub in_flight: u64,
    /// How often each server is measured; the table shows the median
    #[arg(long, default_value_t = 3, value_parser = value_parser!(u32).range(1..=99))]
    pub repeats: u32,
}

impl LabArgs {
    /// The servers asked for, or all of them.
    pub fn servers(&self) -> &[Model] {
        if self.servers.is_empty() { &Model::ALL } else { &self.servers }
    }

    /// The command that does the same again.
    pub fn command(&self) -> String {
        let servers: Vec<&str> = self.servers().iter().map(|model| model.name()).collect();
        format!(
            "cargo lab --servers {} --listeners {} --size {} --in-flight {} --repeats {}",
            servers.join(","),
            self.listeners,
            self.size,
            self.in_flight,
            self.repeats
        )
    }
}

/// From the smallest message that can be checked to the largest that the servers take unasked.
#[expect(clippy::cast_possible_wrap, reason = "a few dozen bytes")]
const SIZES: std::ops::RangeInclusive<i64> = MESSAGE_BYTES_MIN as i64..=65_536;

const EXAMPLES: &str = "\
Examples:
  cargo lab                                    all servers, under a minute
  cargo lab --servers select,async             two of them
  cargo lab --servers select,select            twice the same: how much is noise
  cargo lab --in-flight 64                     how they do with little to batch
  cargo lab --listeners 100 --size 1024        fewer listeners, longer messages";
