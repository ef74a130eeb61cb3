//! Arguments of the lab: what is measured, on whom, how often, and where the report goes.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, value_parser};
use load::MESSAGE_BYTES_MIN;
use protocol::ServerAddress;

use super::point::Point;
use super::scale::{Scale, targets};
use crate::lab::result::record::AGAIN;
use crate::target::Model;

/// What the lab is asked to do.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct LabArgs {
    /// A point of each workload, three times, in under a minute; not for quoting
    #[arg(long, conflicts_with = "full")]
    pub(crate) quick: bool,
    /// Every workload at every point; an hour and more
    #[arg(long)]
    pub(crate) full: bool,
    /// What shows how far each server is from the floor; at the time and the repeats of the usual lab
    #[arg(long, conflicts_with_all = ["quick", "full"])]
    pub(crate) targets: bool,
    /// Only these workloads, or these points of whichever scale, such as W2 or S64/1to10
    #[arg(long, value_delimiter = ',', value_name = "ID,…")]
    pub(crate) only: Vec<String>,
    /// Servers of this project [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SERVER,…")]
    pub(crate) servers: Vec<Model>,
    /// Another server, and how it is started; {port} stands for the port it is given
    #[arg(long, value_name = "NAME=COMMAND", value_parser = named)]
    pub(crate) server: Vec<(String, String)>,
    /// A server that runs already; of its process nothing is measured
    #[arg(long, value_name = "NAME=HOST:PORT", value_parser = named_address)]
    pub(crate) connect: Vec<(String, SocketAddr)>,
    /// The stand-in for the tutorial's server, too
    #[arg(long)]
    pub(crate) guests: bool,
    /// Naive servers of the same protocol, too
    #[arg(long)]
    pub(crate) rungs: bool,
    /// Message brokers of others, too, if they are installed: redis, nats, mosquitto
    #[arg(long)]
    pub(crate) peers: bool,
    /// Without the floor, a program that only passes bytes on
    #[arg(long)]
    pub(crate) no_floor: bool,
    /// What chance is drawn from: the order of runs [default: drawn, and printed]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// How often each entrant is measured [default: 5, quick: 3]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=99))]
    pub(crate) repeats: Option<u32>,
    /// Where lab.json and lab.txt go; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Show workloads, points, what each isolates and the time it all takes, and measure nothing
    #[arg(long)]
    pub(crate) list: bool,
    /// A fan-out of your own: clients that only listen; one more speaks [default: 1000]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=10_000))]
    listeners: Option<u32>,
    /// A fan-out of your own: bytes of every message [default: 64]
    #[arg(long, value_name = "BYTES", value_parser = value_parser!(u32).range(SIZES))]
    size: Option<u32>,
    /// A fan-out of your own: the most messages that a listener may have still to hear [default: 1024]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=1_048_576))]
    in_flight: Option<u64>,
}

impl LabArgs {
    /// The servers of this project that are asked for, or all of them.
    pub(crate) fn servers(&self) -> &[Model] {
        if self.servers.is_empty() { &Model::ALL } else { &self.servers }
    }

    pub(crate) fn scale(&self) -> Scale {
        match (self.quick, self.full) {
            (true, _) => Scale::Quick,
            (_, true) => Scale::Full,
            _ => Scale::Usual,
        }
    }

    pub(crate) fn repeats(&self) -> u32 {
        self.repeats.unwrap_or(self.scale().repeats())
    }

    /// The points asked for: a point's own id stands for it whatever else is selected.
    ///
    /// # Errors
    ///
    /// A word of `--only` stands for no point.
    pub(crate) fn points(&self) -> Result<Vec<Point>, String> {
        let own = self.own();
        let selected = if self.targets { targets() } else { self.scale().points() };
        if self.only.is_empty() {
            return Ok(own.map_or(selected, |own| vec![own]));
        }
        let is_selected = |point: &Point| selected.iter().any(|other| other.id == point.id);
        let is_picked = |point: &Point, word: &String| {
            let is_asked = || point.is_asked(std::slice::from_ref(word));
            word.eq_ignore_ascii_case(&point.id) || (is_selected(point) && is_asked())
        };
        let all = Scale::all_points();
        let lost = self.only.iter().find(|word| !all.iter().any(|point| is_picked(point, word)));
        if let Some(word) = lost {
            return Err(format!("--only {word}: no such workload or point; see --list --full"));
        }
        let picked = all.into_iter().filter(|p| self.only.iter().any(|word| is_picked(p, word)));
        Ok(own.into_iter().chain(picked).collect())
    }

    /// Finds out whether everybody has a name of his own.
    ///
    /// # Errors
    ///
    /// A name that is given to a server is that of another one.
    pub(crate) fn check_names(&self) -> Result<(), String> {
        let given = self.server.iter().map(|(name, _)| name);
        let given: Vec<&String> = given.chain(self.connect.iter().map(|(name, _)| name)).collect();
        for (index, name) in given.iter().enumerate() {
            let is_taken = given[..index].contains(name) || name.ends_with(AGAIN);
            if is_taken || NAMES.contains(&&***name) {
                return Err(format!("the name {name} belongs to another entrant: choose another"));
            }
        }
        Ok(())
    }

    /// The flags that ask for a fan-out of one's own, as they were given.
    pub(crate) fn own_flags(&self, add: &mut impl FnMut(&str, &str)) {
        let flags = [
            ("--listeners", self.listeners.map(u64::from)),
            ("--size", self.size.map(u64::from)),
            ("--in-flight", self.in_flight),
        ];
        for (flag, value) in flags {
            if let Some(value) = value {
                add(flag, &value.to_string());
            }
        }
    }

    fn own(&self) -> Option<Point> {
        let is_asked = self.listeners.is_some() || self.size.is_some() || self.in_flight.is_some();
        let (listeners, size) = (self.listeners.unwrap_or(1000), self.size.unwrap_or(64));
        let in_flight = self.in_flight.unwrap_or(1024);
        is_asked.then(|| Point::own(listeners as usize, size as usize, in_flight))
    }
}

fn named(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, rest)) if !name.trim().is_empty() && !rest.trim().is_empty() => {
            Ok((name.trim().into(), rest.trim().into()))
        }
        _ => Err("write NAME=…, such as mine='./my-server {port}'".into()),
    }
}

fn named_address(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, place) = named(text)?;
    let server: ServerAddress = place.parse()?;
    let mut addresses =
        (server.host(), server.port()).to_socket_addrs().map_err(|error| error.to_string())?;
    Ok((name, addresses.next().ok_or("no such host")?))
}

/// Names of everybody who may take part without being named.
const NAMES: [&str; 13] = [
    "threaded",
    "select",
    "async",
    "floor",
    "floor-blocking",
    "naive-send",
    "naive-channel",
    "naive-writer",
    "naive-queue",
    "redis",
    "nats",
    "mosquitto",
    "guest",
];
/// From the smallest message that can be checked to the largest that the servers take unasked.
#[expect(clippy::cast_possible_wrap, reason = "a few dozen bytes")]
const SIZES: std::ops::RangeInclusive<i64> = MESSAGE_BYTES_MIN as i64..=65_536;

const EXAMPLES: &str = "\
Examples:
  cargo lab                                         the three servers; about five minutes
  cargo lab --quick                                 a first look, in under a minute
  cargo lab --full --out results                    everything, kept as lab.json and lab.txt
  cargo lab --targets --out results                 how far each server is from the floor
  taskset -c 0 cargo lab --targets                  the same, with everything on one core
  cargo lab --only W2,S64 --servers select,async    two workloads, two servers
  cargo lab --server mine='./my-server {port}'      a server of yours beside them
  cargo lab --listeners 100 --size 1024             a fan-out of your own
  cargo lab --list                                  what there is to measure
  conformance diff old/lab.json new/lab.json        what changed by more than the noise

Exit status: 0 everything was measured; 1 a server broke a rule or lost something; 2 nothing can be measured;
3 the command line is wrong; 130 interrupted: what was finished is reported.";

#[cfg(test)]
mod tests;
