//! Arguments of the siege: which servers, which clients, and how long.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, value_parser};
use load::MESSAGE_BYTES_MIN;
use protocol::ServerAddress;

use super::budget::Rates;
use super::kind::Kind;
use crate::target::Model;

/// What the siege is to do.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct SiegeArgs {
    /// Servers of this project, one after the other [default: all]
    #[arg(value_enum, value_name = "MODEL")]
    models: Vec<Model>,
    /// Shell command that starts another server; {port} stands for its port
    #[arg(long, value_name = "COMMAND", conflicts_with = "models")]
    pub(super) server: Option<String>,
    /// A server that runs already; nothing of its process is measured
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    #[arg(conflicts_with_all = ["models", "server"])]
    pub(super) connect: Option<SocketAddr>,
    /// Hostile clients of each kind [default: 5000, short: 300]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..=50_000))]
    hostile: Option<u32>,
    /// Honest clients
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = value_parser!(u32).range(2..=1000))]
    honest: u32,
    /// Messages that all honest clients together send in a second
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = value_parser!(u32).range(1..=5000))]
    pub(super) rate: u32,
    /// How long each kind stays once all its clients have connected [default: 6, short: 1]
    #[arg(long, value_name = "S", value_parser = seconds)]
    seconds_per_kind: Option<Duration>,
    /// Only these kinds
    #[arg(long, value_enum, value_delimiter = ',', value_name = "KIND,...")]
    only: Vec<Kind>,
    /// Few hostile clients for a short time, against servers with short limits
    #[arg(long)]
    pub(super) short: bool,
    /// Seed of the random numbers
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,
    /// Connections that all hostile clients together make in a second
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = value_parser!(u32).range(1..=100_000))]
    connects: u32,
    /// Bytes that floods make the server deliver in a second, to all clients that read
    #[arg(long, value_name = "SIZE", default_value = "256MiB")]
    flood: ByteSize,
    /// The largest message that the server accepts
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = message_size)]
    pub(super) max_message: usize,
}

impl SiegeArgs {
    /// The servers of this project that were chosen, or all of them.
    pub(super) fn models(&self) -> &[Model] {
        if self.models.is_empty() { &Model::ALL } else { &self.models }
    }

    pub(super) fn kinds(&self) -> Vec<Kind> {
        if self.only.is_empty() { Kind::all() } else { self.only.clone() }
    }

    pub(super) fn honest(&self) -> usize {
        self.honest as usize
    }

    pub(super) fn hostile(&self) -> usize {
        self.hostile.unwrap_or(if self.short { 300 } else { 5000 }) as usize
    }

    pub(super) fn lasting(&self) -> Duration {
        self.seconds_per_kind.unwrap_or(Duration::from_secs(if self.short { 1 } else { 6 }))
    }

    /// What hostile clients may do if this many clients receive and read every message.
    pub(super) fn rates(&self, audience: usize) -> Rates {
        let flood_bytes = self.flood.as_u64() / audience.max(1) as u64;
        Rates { connections: self.connects, flood_bytes, max_message: self.max_message }
    }

    /// Flags of our servers: places for all clients, those included that connect again while the
    /// server ends their last connection; and limits that are reached within the time of one kind.
    pub(super) fn server_flags(&self) -> Vec<String> {
        let clients = self.honest() + self.hostile() + self.connects as usize / 2;
        let limits: &[&str] = if self.short {
            &["--name-timeout=500ms", "--frame-timeout=500ms", "--patience=250ms"]
        } else {
            &["--name-timeout=3s", "--frame-timeout=3s"]
        };
        let mut flags: Vec<String> = limits.iter().map(ToString::to_string).collect();
        flags.push(format!("--max-clients={clients}"));
        flags.push(format!("--max-message={}", self.max_message));
        // Small, so that clients that do not read pause the room within the time of one kind.
        let pairs = if self.short { 16 } else { 32 };
        flags.push(format!("--window={}", pairs * self.max_message.max(PAIR_MIN)));
        flags
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a number of seconds from 0.1 to 600".into()),
    }
}

fn message_size(text: &str) -> Result<usize, String> {
    let size: ByteSize = text.parse()?;
    let size = usize::try_from(size.as_u64()).map_err(|error| error.to_string())?;
    let sizes = MESSAGE_BYTES_MIN..=MESSAGE_BYTES_MAX;
    if sizes.contains(&size) { Ok(size) } else { Err(format!("from {MESSAGE_BYTES_MIN}B to 8MiB")) }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let server: ServerAddress = text.parse()?;
    let mut addresses =
        (server.host(), server.port()).to_socket_addrs().map_err(|error| error.to_string())?;
    addresses.next().ok_or_else(|| "no such host".into())
}

/// For small messages, the name and the headers are most of a pair.
const PAIR_MIN: usize = 1024;
/// The largest frame that a client of the siege reads.
const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  conformance siege --short                        all three servers, under a minute
  conformance siege                                all hostile clients; some minutes
  conformance siege select --only deaf,largest     one server, two kinds
  conformance siege --server './my-server {port}'  a server of yours
  conformance siege --connect 127.0.0.1:1234       one that runs already

Exit status: 0 no honest client was harmed; 1 one was; 2 inconclusive; 3 the command line is wrong.";
