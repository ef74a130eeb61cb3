//! Declared: what a server says of itself outside the wire.

use std::time::Duration;

use clap::{CommandFactory, Parser};
use serde::Deserialize;
use server_core::{PerClient, Settings};

/// The limits a server promises to keep. What it does not declare, it cannot be held to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Largest message, in bytes.
    pub max_message: Option<usize>,
    /// Longest name, in bytes.
    pub max_name: Option<usize>,
    /// Clients at once.
    pub max_clients: Option<usize>,
    /// Bytes that messages may take in the server's memory, at most.
    pub memory: Option<u64>,
    /// Bytes that may wait for one member alone.
    pub direct_bytes: Option<usize>,
    /// What becomes of a client that does not read.
    pub slow_readers: Option<SlowPolicy>,
    /// How long a client that does not read is waited for.
    pub patience: Option<Duration>,
    /// How long a client may take to say its name.
    pub name_timeout: Option<Duration>,
    /// How long a client may take to complete a frame.
    pub frame_timeout: Option<Duration>,
    /// How long a shutdown may take.
    pub grace: Option<Duration>,
    /// What becomes of a newcomer whose name is taken.
    pub equal_names: Option<EqualNames>,
}

impl Declared {
    /// What one of our servers declares when it is started with these flags.
    ///
    /// # Errors
    ///
    /// A flag is none of ours, in the words of the command line.
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

    /// What a server declares that was asked for the limits in these flags of ours, besides what it
    /// declares anyway.
    #[must_use]
    pub fn with_flags(self, flags: &[String]) -> Self {
        let Ok(asked) = Self::ours(flags, PerClient::Descriptor) else { return self };
        let is_asked = |flag: &str| flags.iter().any(|word| word == flag);
        macro_rules! limits {
            ($($flag:literal => $limit:ident),*) => {
                Self {
                    $($limit: if is_asked($flag) { asked.$limit } else { self.$limit },)*
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

/// What a server does with a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SlowPolicy {
    /// It ends the connection.
    #[serde(rename = "close")]
    Ends,
    /// It keeps the connection, and messages wait or are dropped.
    #[serde(rename = "queue", alias = "drop")]
    Keeps,
}

/// What a server does with a newcomer whose name is taken (SPEC NAM-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EqualNames {
    /// Puts a number behind the name.
    Number,
    /// Refuses the newcomer.
    Refuse,
    /// Lets both have the name.
    Allow,
}

/// What stands behind a flag of ours on a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Nothing.
    Switch,
    /// A value.
    Valued,
}

/// The shape of a flag of ours; `None` if it is none.
pub(crate) fn shape(flag: &str) -> Option<Shape> {
    let name = flag.strip_prefix("--")?;
    let command = Flags::command();
    let argument = command.get_arguments().find(|argument| argument.get_long() == Some(name))?;
    Some(if argument.get_action().takes_values() { Shape::Valued } else { Shape::Switch })
}

/// Every flag of ours.
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
    fn our_flags_are_what_we_declare() {
        let flags = ["--patience", "300ms", "--max-message", "1KiB"].map(String::from);
        let declared = Declared::ours(&flags, PerClient::Descriptor).unwrap();
        assert_eq!(Some(Duration::from_millis(300)), declared.patience);
        assert_eq!(Some(1024), declared.max_message);
        assert_eq!(Some(128), declared.max_name);
        assert!(Declared::ours(&["--no-such".into()], PerClient::Descriptor).is_err());
    }

    #[test]
    fn what_is_asked_for_is_declared_and_nothing_else() {
        let own = Declared { max_name: Some(9), max_message: Some(9), ..Declared::default() };
        let flags = ["--max-message", "1KiB", "--patience", "2s"].map(String::from);
        let patience = Some(Duration::from_secs(2));
        assert_eq!(
            Declared { max_message: Some(1024), patience, ..own.clone() },
            own.with_flags(&flags)
        );
    }
}
