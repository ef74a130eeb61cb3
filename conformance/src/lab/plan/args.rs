//! Arguments: the command line of the lab, and the points that it selects.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::{Args, value_parser};
use load::MESSAGE_BYTES_MIN;
use protocol::ServerAddress;

use super::point::Point;
use super::scale::{Scale, targets};
use crate::lab::layout::{Form, WIDTH};
use crate::lab::result::record::CONTROL_SUFFIX;
use crate::target::Model;

/// The command line of the lab.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES, max_term_width = WIDTH)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct LabArgs {
    /// One point of each workload, 3 repeats, about a minute; not for quoting
    #[arg(long, help_heading = POINTS, conflicts_with = "full")]
    pub(crate) quick: bool,
    /// Every workload at every point; more than an hour
    #[arg(long, help_heading = POINTS)]
    pub(crate) full: bool,
    /// The points that compare each server with the floor; about 20 minutes
    #[arg(long, help_heading = POINTS, conflicts_with_all = ["quick", "full"])]
    pub(crate) targets: bool,
    /// Only these workloads or points, such as W2 or S64/1to10
    #[arg(long, help_heading = POINTS, value_delimiter = ',', value_name = "ID,…")]
    pub(crate) only: Vec<String>,
    /// Servers of this project [default: all]
    #[arg(long, help_heading = ENTRANTS, value_enum, value_delimiter = ',', value_name = "SERVER,…")]
    pub(crate) servers: Vec<Model>,
    /// Also measure your server, started by this command; {port} is its port
    #[arg(long, help_heading = ENTRANTS, value_name = "NAME=COMMAND", value_parser = parse_named)]
    pub(crate) server: Vec<(String, String)>,
    /// Also measure a running server; its process is not measured
    #[arg(long, help_heading = ENTRANTS, value_name = "NAME=HOST:PORT", value_parser = parse_named_address)]
    pub(crate) connect: Vec<(String, SocketAddr)>,
    /// Also measure the stand-in for the tutorial's server
    #[arg(long, help_heading = ENTRANTS, alias = "guests")]
    pub(crate) tutorial: bool,
    /// Also measure naive servers of the same protocol
    #[arg(long, help_heading = ENTRANTS, alias = "rungs")]
    pub(crate) naive: bool,
    /// Also measure the installed message brokers: redis, nats, mosquitto
    #[arg(long, help_heading = ENTRANTS, alias = "peers")]
    pub(crate) brokers: bool,
    /// Do not measure the floor, which only copies bytes
    #[arg(long, help_heading = ENTRANTS)]
    pub(crate) no_floor: bool,
    /// Seed for the order of runs [default: random; the report shows it]
    #[arg(long, help_heading = RUNS, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Runs of each entrant at each point [default: 5, with --quick 3]
    #[arg(long, help_heading = RUNS, value_name = "N", value_parser = value_parser!(u32).range(1..=99))]
    pub(crate) repeats: Option<u32>,
    /// Write lab.json and lab.txt to this directory, created if missing
    #[arg(long, help_heading = OUTPUT, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print all columns, in lines of any length, and how each entrant works
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) wide: bool,
    /// Print workloads, points and the estimated time; measure nothing
    #[arg(long, help_heading = OUTPUT)]
    pub(crate) list: bool,
    /// Your own fan-out: one sender, N listeners [default: 1000]
    #[arg(long, help_heading = POINTS, value_name = "N", value_parser = value_parser!(u32).range(1..=10_000))]
    listeners: Option<u32>,
    /// Your own fan-out: bytes of each message [default: 64]
    #[arg(long, help_heading = POINTS, value_name = "BYTES", value_parser = value_parser!(u32).range(SIZES))]
    size: Option<u32>,
    /// Your own fan-out: the most messages in flight [default: 1024]
    #[arg(long, help_heading = POINTS, value_name = "N", value_parser = value_parser!(u64).range(1..=1_048_576))]
    in_flight: Option<u64>,
}

impl LabArgs {
    /// The servers of this project that `--servers` selects; all by default.
    pub(crate) fn servers(&self) -> &[Model] {
        if self.servers.is_empty() { &Model::ALL } else { &self.servers }
    }

    /// How much of the report is printed.
    pub(crate) fn form(&self) -> Form {
        if self.wide { Form::Wide } else { Form::Narrow }
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

    /// The selected points. The id of a point selects it in every scale.
    ///
    /// # Errors
    ///
    /// A word of `--only` selects no point.
    pub(crate) fn points(&self) -> Result<Vec<Point>, String> {
        let own = self.own();
        let selected = if self.targets { targets() } else { self.scale().points() };
        if self.only.is_empty() {
            return Ok(own.map_or(selected, |own| vec![own]));
        }
        let is_selected = |point: &Point| selected.iter().any(|other| other.id == point.id);
        let is_chosen = |point: &Point, word: &String| {
            let is_requested = || point.is_requested(std::slice::from_ref(word));
            word.eq_ignore_ascii_case(&point.id) || (is_selected(point) && is_requested())
        };
        let all = Scale::all_points();
        let unknown = self.only.iter().find(|word| !all.iter().any(|point| is_chosen(point, word)));
        if let Some(word) = unknown {
            return Err(format!("--only {word}: no such workload or point; see --full --list"));
        }
        let chosen = all.into_iter().filter(|p| self.only.iter().any(|word| is_chosen(p, word)));
        Ok(own.into_iter().chain(chosen).collect())
    }

    /// Checks that every entrant has a name of its own.
    ///
    /// # Errors
    ///
    /// Two entrants have the same name.
    pub(crate) fn check_names(&self) -> Result<(), String> {
        let given = self.server.iter().map(|(name, _)| name);
        let given: Vec<&String> = given.chain(self.connect.iter().map(|(name, _)| name)).collect();
        for (index, name) in given.iter().enumerate() {
            let is_taken = given[..index].contains(name) || name.ends_with(CONTROL_SUFFIX);
            if is_taken || NAMES.contains(&&***name) {
                return Err(format!("the name {name} is taken by another entrant: choose another"));
            }
        }
        Ok(())
    }

    /// Adds the flags of the user's own fan-out, as they were given.
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
        let is_requested =
            self.listeners.is_some() || self.size.is_some() || self.in_flight.is_some();
        let (listeners, size) = (self.listeners.unwrap_or(1000), self.size.unwrap_or(64));
        let in_flight = self.in_flight.unwrap_or(1024);
        is_requested.then(|| Point::own(listeners as usize, size as usize, in_flight))
    }
}

fn parse_named(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, rest)) if !name.trim().is_empty() && !rest.trim().is_empty() => {
            Ok((name.trim().into(), rest.trim().into()))
        }
        _ => Err("write NAME=…, such as mine='./my-server {port}'".into()),
    }
}

fn parse_named_address(text: &str) -> Result<(String, SocketAddr), String> {
    let (name, place) = parse_named(text)?;
    let server: ServerAddress = place.parse()?;
    let mut addresses =
        (server.host(), server.port()).to_socket_addrs().map_err(|error| error.to_string())?;
    Ok((name, addresses.next().ok_or("no such host")?))
}

/// The names of all entrants that have a fixed name.
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
    "tutorial",
];
/// From the smallest message that can be checked to the largest that the servers accept by default.
#[expect(clippy::cast_possible_wrap, reason = "it is a few dozen bytes")]
const SIZES: std::ops::RangeInclusive<i64> = MESSAGE_BYTES_MIN as i64..=65_536;

/// The headings of `--help`.
const POINTS: &str = "Points";
const ENTRANTS: &str = "Entrants";
const RUNS: &str = "Runs";
const OUTPUT: &str = "Output";

const EXAMPLES: &str = "\
Examples:
  cargo lab                                       the three servers
  cargo lab --quick                               a first look, about a minute
  cargo lab --out results                         also write the report to files
  cargo lab --targets --out results               compare servers with the floor
  taskset -c 0 cargo lab --targets                the same on one core
  cargo lab --only W2,S64 --servers select,async  two workloads, two servers
  cargo lab --server mine='./my-server {port}'    also measure your server
  cargo lab --listeners 100 --size 1024           your own fan-out
  cargo lab --full --list                         all workloads and points
  conformance diff old/lab.json new/lab.json      changes beyond the noise

Exit status: 0 everything was measured; 1 a server broke a rule, or a delivery
failed its check; 2 nothing can be measured; 3 the command line is wrong;
130 interrupted: the finished runs are reported.";

#[cfg(test)]
mod tests;
