//! Log: the end of a child's standard output and standard error.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::group::lock;

/// The last bytes of both outputs, in one bounded buffer. Both count as the log, because many
/// servers log on standard output.
#[derive(Debug, Default)]
pub(super) struct Log {
    tail: Mutex<Tail>,
    closed: Condvar,
}

#[derive(Debug, Default)]
struct Tail {
    /// At most twice [`BYTES_MAX`].
    bytes: Vec<u8>,
    /// All bytes so far, those that were discarded included.
    written: u64,
    /// Outputs at EOF; at most [`OUTPUTS`].
    closed: u8,
}

impl Log {
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut tail = lock(&self.tail);
        tail.written += bytes.len() as u64;
        tail.bytes.extend_from_slice(bytes);
        let kept = tail.bytes.len();
        if kept > 2 * BYTES_MAX {
            tail.bytes.drain(..kept - BYTES_MAX);
        }
    }

    /// Records that one of the outputs is at EOF.
    pub(super) fn eof(&self) {
        lock(&self.tail).closed += 1;
        self.closed.notify_all();
    }

    /// Waits until both outputs are at EOF; `false` after `deadline`.
    pub(super) fn wait_for_eof(&self, deadline: Duration) -> bool {
        let tail = lock(&self.tail);
        let waited = self.closed.wait_timeout_while(tail, deadline, |tail| tail.closed < OUTPUTS);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed == OUTPUTS
    }

    pub(super) fn written(&self) -> u64 {
        lock(&self.tail).written
    }

    pub(super) fn text(&self) -> String {
        let tail = lock(&self.tail);
        let start = tail.bytes.len().saturating_sub(BYTES_MAX);
        String::from_utf8_lossy(&tail.bytes[start..]).into_owned()
    }
}

/// Standard output and standard error.
const OUTPUTS: u8 = 2;
const BYTES_MAX: usize = 64 * 1024;
