//! The limits of a trial: small, so that all of them are met.

use std::time::Duration;

use server_core::settings::LogFormat;
use server_core::{Relay, Settings};

/// What differs between trials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) relay: Relay,
    pub(crate) extensions: bool,
    /// In bytes, [`WINDOW_MIN`] at least.
    pub(crate) window: usize,
}

/// The settings of room and sessions. Four of the largest pairs fit the window.
pub(super) fn settings(terms: Terms) -> Settings {
    let Terms { relay, extensions, window } = terms;
    let longest = [b'x'; NAME_BYTES_MAX + "-1000".len()];
    Settings {
        listen: "127.0.0.1:1".parse().expect("an address"),
        max_clients: None,
        max_message: window / 4 - protocol::pair_len(&longest, b""),
        max_name: NAME_BYTES_MAX,
        window,
        patience: PATIENCE,
        name_timeout: 2 * PATIENCE,
        frame_timeout: 3 * PATIENCE,
        reject_linger: PATIENCE,
        grace: PATIENCE,
        direct_bytes: DIRECT_BYTES,
        extensions,
        console: false,
        relay,
        log: "off".parse().expect("a level"),
        log_format: LogFormat::Text,
    }
}

/// The smallest window of a trial, in bytes.
pub(crate) const WINDOW_MIN: usize = 200;

/// How long the room waits for a member that does not read.
const PATIENCE: Duration = Duration::from_millis(100);

/// Enough for the reserved name.
const NAME_BYTES_MAX: usize = 8;

/// So little that speakers who only hear themselves must wait.
const DIRECT_BYTES: usize = 300;
