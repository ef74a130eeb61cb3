//! The limits of a trial: so small that it reaches all of them.

use std::time::Duration;

use server_core::settings::LogFormat;
use server_core::{Relay, Settings};

/// What differs between trials.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub(crate) relay: Relay,
    pub(crate) extensions: bool,
    /// In bytes, at least [`WINDOW_MIN`].
    pub(crate) window: usize,
}

/// The settings of the room and its sessions. Four of the largest pairs fit into the window.
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

/// Bytes of a name, at most: enough for the reserved name.
const NAME_BYTES_MAX: usize = 8;

/// Bytes of answers that wait for one member: so few that a sender that receives only its own messages has to wait.
const DIRECT_BYTES: usize = 300;
