//! Declared: what a server says of itself outside the wire.

use std::time::Duration;

use clap::Parser;
use server_core::{PerClient, Settings};

use crate::fault::Fault;

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
    pub aside_bytes: Option<usize>,
    /// What becomes of a client whose name is taken.
    pub equal_names: Option<EqualNames>,
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
            aside_bytes: Some(settings.aside_bytes),
            equal_names: Some(EqualNames::Numbered),
            slow_readers: Some(SlowPolicy::Ends),
            patience: Some(settings.patience),
            name_timeout: Some(settings.name_timeout),
            frame_timeout: Some(settings.frame_timeout),
            grace: Some(settings.grace),
        })
    }
}

/// What a server does with a client whose name is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EqualNames {
    /// It is a member under that name and a number.
    Numbered,
    /// It is refused.
    Refused,
}

/// What a server does with a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlowPolicy {
    /// It ends the connection.
    Ends,
    /// It keeps the connection, and messages wait or are dropped.
    Keeps,
}

/// The value that a test needs.
///
/// # Errors
///
/// It is not declared: the test does not apply.
pub fn needed<T>(value: Option<T>, what: &'static str) -> Result<T, Fault> {
    value.ok_or(Fault::Undeclared(what))
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
}
