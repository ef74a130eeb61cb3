//! The limits of a trial: small, so that all of them are met.

use std::time::Duration;

use server_core::settings::LogFormat;
use server_core::{Relay, Settings};

/// The settings of room and sessions. Four of the largest pairs fit the window.
pub(super) fn settings(relay: Relay, window: usize, patience: Duration) -> Settings {
    let longest = [b'x'; NAME_BYTES_MAX + "-1000".len()];
    Settings {
        listen: String::new(),
        max_clients: None,
        max_message: window / 4 - protocol::pair_len(&longest, b""),
        max_name: NAME_BYTES_MAX,
        window,
        patience,
        name_timeout: 2 * patience,
        frame_timeout: 3 * patience,
        refuse_linger: patience,
        grace: patience,
        aside_bytes: ASIDE_BYTES,
        relay,
        log: "off".parse().expect("a level"),
        log_format: LogFormat::Text,
    }
}

/// The smallest window of a trial, in bytes.
pub(crate) const WINDOW_MIN: usize = 200;

/// How long the room waits for a member that does not read.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// Enough for the reserved name.
const NAME_BYTES_MAX: usize = 8;

/// So little that speakers who only hear themselves must wait.
pub(super) const ASIDE_BYTES: usize = 300;
