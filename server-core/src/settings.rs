//! Settings: every limit and choice of a server, each a flag.

use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, Parser, ValueEnum};
use protocol::{ServerAddress, pair_len};
use tracing::level_filters::LevelFilter;

use crate::budget::{PerClient, clients_max};
use crate::socket::READ_CHUNK;

/// The settings of a server. All three servers have the same flags with the same defaults.
///
/// ```
/// let settings = server_core::Settings::default();
/// assert_eq!(settings.listen.to_string(), "127.0.0.1:1234");
/// assert!(settings.check().is_ok());
/// ```
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Address to listen on: HOST:PORT, or `[IPV6]:PORT`; a name is served on all its addresses; the
    /// system chooses a port in place of port 0
    // The last one counts, so that a caller can append a flag to a command that has one.
    #[arg(
        long,
        value_name = "HOST:PORT",
        default_value = "127.0.0.1:1234",
        value_parser = ServerAddress::to_listen_on,
        overrides_with = "listen"
    )]
    pub listen: ServerAddress,

    /// Largest number of clients [default: what this machine's limits on descriptors and threads allow]
    #[arg(long, value_name = "COUNT")]
    pub max_clients: Option<usize>,

    /// Largest message accepted
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub max_message: usize,

    /// Longest name accepted
    #[arg(long, value_name = "SIZE", default_value = "128B", value_parser = size)]
    pub max_name: usize,

    /// Most bytes of messages that wait for the slowest member: at least four of the largest pairs
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = size)]
    pub window: usize,

    /// How long the room waits for a member that does not read, before it ends the connection
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    pub patience: Duration,

    /// Time limit for a client to send its name
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub name_timeout: Duration,

    /// Time limit for a client to complete a frame that it has begun
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub frame_timeout: Duration,

    /// How long a rejected client may read the reason before the connection is closed
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = time)]
    pub reject_linger: Duration,

    /// Time limit of the graceful shutdown after SIGTERM or SIGINT
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = time)]
    pub grace: Duration,

    /// Most bytes of answers and private messages that wait for one member
    #[arg(long, value_name = "SIZE", default_value = "64KiB", value_parser = size)]
    pub direct_bytes: usize,

    /// Greet new members, announce joins and leaves, and accept the commands /who, /msg, /nick and /help
    #[arg(long)]
    pub extensions: bool,

    /// Send each line of standard input to all members
    #[arg(long)]
    pub console: bool,

    /// Which members receive a message
    #[arg(long, value_name = "WHOM", value_enum, default_value_t = Relay::Others)]
    pub relay: Relay,

    /// What is logged on standard error: off, error, warn, info (joins and ends), debug (sizes of messages)
    #[arg(long, value_name = "LEVEL", default_value = "info")]
    pub log: LevelFilter,

    /// Format of the log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// Which members receive a message (SPEC RLY-02, RLY-10, RLY-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Relay {
    /// All members except its sender
    Others,
    /// All members, including its sender
    Everyone,
    /// Only its sender
    Sender,
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

impl Default for Settings {
    fn default() -> Self {
        #[derive(Parser)]
        struct Flags {
            #[command(flatten)]
            settings: Settings,
        }
        Flags::parse_from(["defaults"]).settings
    }
}

impl Settings {
    /// Checks that the limits agree with each other.
    ///
    /// # Errors
    ///
    /// The first limit that does not agree, and a value that would.
    pub fn check(&self) -> Result<(), String> {
        let window_min = 4 * self.pair_max();
        if self.window < window_min {
            return Err(format!(
                "--window {} is smaller than four of the largest pairs: messages of {} bytes need \
                 at least {window_min}",
                self.window, self.max_message
            ));
        }
        let sizes = [("--max-message", self.max_message), ("--max-name", self.max_name)];
        let clients = [("--max-clients", self.max_clients.unwrap_or(1))];
        let zero = sizes.into_iter().chain(clients).find(|(_, value)| *value == 0);
        zero.map_or(Ok(()), |(flag, _)| Err(format!("{flag} 0 is too small: the least is 1")))
    }

    /// The largest number of clients: the flag, or what the machine allows if the flag is not given or too large.
    pub fn clients_max(&self, per_client: PerClient) -> usize {
        self.max_clients.unwrap_or(usize::MAX).min(clients_max(per_client))
    }

    /// Every limit in force with its flag, for `--check` and the log.
    pub fn table(&self, per_client: PerClient) -> Vec<(&'static str, String)> {
        let clients = self.clients_max(per_client);
        let size = |bytes: usize| ByteSize(bytes as u64).display().iec().to_string();
        let time = |time| humantime::format_duration(time).to_string();
        let switch = |on| if on { "on" } else { "off" }.to_owned();
        let lower = |choice: &dyn std::fmt::Debug| format!("{choice:?}").to_lowercase();
        vec![
            ("listen", self.listen.to_string()),
            ("max-clients", clients.to_string()),
            ("max-message", size(self.max_message)),
            ("max-name", size(self.max_name)),
            ("window", size(self.window)),
            ("patience", time(self.patience)),
            ("name-timeout", time(self.name_timeout)),
            ("frame-timeout", time(self.frame_timeout)),
            ("reject-linger", time(self.reject_linger)),
            ("grace", time(self.grace)),
            ("direct-bytes", size(self.direct_bytes)),
            ("extensions", switch(self.extensions)),
            ("console", switch(self.console)),
            ("relay", lower(&self.relay)),
            ("log", self.log.to_string()),
            ("log-format", lower(&self.log_format)),
            (
                "memory for messages, at most",
                ByteSize(self.memory_max(clients)).display().iec().to_string(),
            ),
        ]
    }

    /// Most bytes that messages, and the bookkeeping for them, can occupy with this number of clients.
    pub fn memory_max(&self, clients: usize) -> u64 {
        // The bookkeeping is largest for a window of the smallest pairs.
        let smallest = pair_len(b"a", &[]);
        let room = self.window + self.window / smallest * ACCOUNT_PER_PAIR;
        // One pair may wait for a member, whatever its size.
        let direct = self.direct_bytes.max(self.pair_max())
            + self.direct_bytes / smallest * ACCOUNT_PER_DIRECT
            + ANSWERS_MAX;
        let session = self.max_message + READ_CHUNK + direct;
        let extended = if self.extensions { self.extensions_max() } else { 0 };
        room as u64 + clients as u64 * (session + extended) as u64
    }

    /// Most bytes that extensions add for each member: the answer to one `/who`, and the notice that the member
    /// has left, which does not wait for the window.
    fn extensions_max(&self) -> usize {
        let who = self.direct_bytes.min(self.max_message);
        let notice = pair_len(b"server", b" has left") + self.max_name + NUMBER_MAX;
        who + notice + ACCOUNT_PER_PAIR
    }

    /// Bytes of the largest possible pair: the longest name with a number after it, and the largest message.
    fn pair_max(&self) -> usize {
        pair_len(&[], &[]) + self.max_name + NUMBER_MAX + self.max_message
    }
}

fn size(text: &str) -> Result<usize, String> {
    let size: ByteSize = text.parse().map_err(|_| "not a size; write for example 64KiB or 8MiB")?;
    usize::try_from(size.as_u64())
        .ok()
        .filter(|&size| size as u64 <= protocol::PAYLOAD_MAX)
        .ok_or_else(|| format!("the largest size is {} bytes", protocol::PAYLOAD_MAX))
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text)
        .map_err(|_| "not a time; write for example 500ms or 10s")?;
    (Duration::from_millis(1)..=TIME_MAX)
        .contains(&time)
        .then_some(time)
        .ok_or_else(|| "the time is from 1ms to 1day".into())
}

/// Most bytes of the number after a name: a dash and the digits of a 64-bit number.
const NUMBER_MAX: usize = 21;

/// Bytes of bookkeeping per pair in the log: a range of its sender's own bytes, in a queue that doubles as it grows.
const ACCOUNT_PER_PAIR: usize = 2 * 16;

/// Bytes of bookkeeping per direct message, in a queue that doubles as it grows.
const ACCOUNT_PER_DIRECT: usize = 2 * 48;

/// Bytes of direct messages beyond that limit: a greeting, a changed name, the reason of a rejection, the lines of
/// one answer, each with its bookkeeping.
const ANSWERS_MAX: usize = 2048;

/// The longest time that a flag accepts: an instant plus this time does not overflow.
const TIME_MAX: Duration = Duration::from_hours(24);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_under_four_of_the_largest_pairs_is_an_error() {
        let mut settings = Settings::default();
        settings.window = 4 * settings.pair_max();
        assert_eq!(settings.check(), Ok(()));
        settings.window -= 1;
        assert!(settings.check().unwrap_err().contains("--window"));
    }

    #[test]
    fn extensions_are_included_in_the_memory_bound() {
        let base = Settings::default();
        let extended = Settings { extensions: true, ..base.clone() };
        let notice = pair_len(b"server", b" has left") + base.max_name + NUMBER_MAX;
        let more = extended.memory_max(10) - base.memory_max(10);
        assert!(more >= 10 * (notice + base.direct_bytes.min(base.max_message)) as u64);
    }

    #[test]
    fn a_limit_of_zero_is_an_error() {
        for zero in [
            |settings: &mut Settings| settings.max_message = 0,
            |settings: &mut Settings| settings.max_name = 0,
            |settings: &mut Settings| settings.max_clients = Some(0),
        ] {
            let mut settings = Settings::default();
            zero(&mut settings);
            assert!(settings.check().is_err());
        }
    }

    #[test]
    fn sizes_and_times_have_units_and_bounds() {
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("100"), Ok(100));
        assert!(size("many").is_err());
        assert!(size("10GiB").is_err());
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert!(time("0s").is_err());
        assert!(time("soon").is_err());
    }
}
