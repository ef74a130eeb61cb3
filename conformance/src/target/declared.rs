//! Declared: the limits and policies that a server promises outside the wire.

use std::time::Duration;

use clap::{CommandFactory, Parser};
use serde::Deserialize;
use server_core::{PerClient, Settings};

/// The limits and policies of a server. `None`: it does not declare this one, and is not tested for
/// it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Largest message, in bytes.
    pub max_message: Option<usize>,
    /// Longest name, in bytes.
    pub max_name: Option<usize>,
    /// The largest number of clients at the same time.
    pub max_clients: Option<usize>,
    /// The most memory that messages may take, in bytes.
    pub memory: Option<u64>,
    /// The most direct messages that may be queued for one member, in bytes.
    pub direct_bytes: Option<usize>,
    /// The policy for a client that does not read.
    pub slow_readers: Option<SlowPolicy>,
    /// How long the server waits for a client that does not read.
    pub patience: Option<Duration>,
    /// How long a client may take to send its name.
    pub name_timeout: Option<Duration>,
    /// How long a client may take to complete a frame.
    pub frame_timeout: Option<Duration>,
    /// How long a graceful shutdown may take.
    pub grace: Option<Duration>,
    /// The policy for a newcomer whose name is taken.
    pub equal_names: Option<EqualNames>,
}

impl Declared {
    /// What one of our servers declares when it is started with these flags.
    ///
    /// # Errors
    ///
    /// The error of the command line, for a flag that our servers do not have.
    pub fn ours(flags: &[String], per_client: PerClient) -> Result<Self, String> {
        let words = [String::from("server")].into_iter().chain(flags.iter().cloned());
        let settings = Flags::try_parse_from(words).map_err(|error| error.to_string())?.settings;
        let clients = settings.clients_max(per_client);
        Ok(Self {
            max_message: Some(settings.max_message),
            max_name: Some(settings.max_name),
            max_clients: Some(clients),
            memory: Some(settings.memory_max(clients)),
            direct_bytes: Some(settings.direct_bytes),
            slow_readers: Some(SlowPolicy::Ends),
            patience: Some(settings.patience),
            name_timeout: Some(settings.name_timeout),
            frame_timeout: Some(settings.frame_timeout),
            grace: Some(settings.grace),
            equal_names: Some(EqualNames::Number),
        })
    }

    /// What the server declares when it is started with these flags of ours: a limit that a flag
    /// sets counts as declared.
    #[must_use]
    pub fn with_flags(self, flags: &[String]) -> Self {
        let Ok(set) = Self::ours(flags, PerClient::Descriptor) else { return self };
        let is_set = |flag: &str| flags.iter().any(|word| word == flag);
        macro_rules! limits {
            ($($flag:literal => $limit:ident),*) => {
                Self {
                    $($limit: if is_set($flag) { set.$limit } else { self.$limit },)*
                    ..self
                }
            };
        }
        limits! {
            "--max-message" => max_message,
            "--max-name" => max_name,
            "--max-clients" => max_clients,
            "--direct-bytes" => direct_bytes,
            "--patience" => patience,
            "--name-timeout" => name_timeout,
            "--frame-timeout" => frame_timeout,
            "--grace" => grace
        }
    }
}

/// The policy of a server for a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SlowPolicy {
    /// The server ends the connection.
    #[serde(rename = "close")]
    Ends,
    /// The server keeps the connection, and queues or drops messages.
    #[serde(rename = "queue", alias = "drop")]
    Keeps,
}

/// The policy of a server for a newcomer whose name is taken (SPEC NAM-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EqualNames {
    /// The server appends a number to the name.
    Number,
    /// The server rejects the newcomer.
    Refuse,
    /// Both members have the name.
    Allow,
}

/// Whether a flag of ours takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// It takes none.
    Switch,
    /// It takes one.
    Valued,
}

/// The shape of a flag of ours; `None` if our servers have no such flag.
pub(crate) fn shape(flag: &str) -> Option<Shape> {
    let name = flag.strip_prefix("--")?;
    let command = Flags::command();
    let argument = command.get_arguments().find(|argument| argument.get_long() == Some(name))?;
    Some(if argument.get_action().takes_values() { Shape::Valued } else { Shape::Switch })
}

/// All flags of our servers.
pub(crate) fn our_flags() -> Vec<String> {
    let command = Flags::command();
    let names = command.get_arguments().filter_map(clap::Arg::get_long);
    names.map(|name| format!("--{name}")).collect()
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: Settings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_servers_declare_what_their_flags_set() {
        let flags = ["--patience", "300ms", "--max-message", "1KiB"].map(String::from);
        let declared = Declared::ours(&flags, PerClient::Descriptor).unwrap();
        assert_eq!(Some(Duration::from_millis(300)), declared.patience);
        assert_eq!(Some(1024), declared.max_message);
        assert_eq!(Some(128), declared.max_name);
        assert!(Declared::ours(&["--no-such".into()], PerClient::Descriptor).is_err());
    }

    #[test]
    fn a_limit_that_a_flag_sets_counts_as_declared() {
        let own = Declared { max_name: Some(9), max_message: Some(9), ..Declared::default() };
        let flags = ["--max-message", "1KiB", "--patience", "2s"].map(String::from);
        let patience = Some(Duration::from_secs(2));
        assert_eq!(
            Declared { max_message: Some(1024), patience, ..own.clone() },
            own.with_flags(&flags)
        );
    }
}
