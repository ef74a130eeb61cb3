//! Log: what a child has written to standard error, of which the end is kept.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::group::lock;

/// The last bytes of an output: a server that talks without end costs a bounded buffer.
#[derive(Debug, Default)]
pub(super) struct Log {
    tail: Mutex<Tail>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Tail {
    /// At most twice [`BYTES_MAX`].
    bytes: Vec<u8>,
    written: u64,
    ended: bool,
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

    pub(super) fn end(&self) {
        lock(&self.tail).ended = true;
        self.ended.notify_all();
    }

    /// Whether nothing more can come, after `deadline` at the latest.
    pub(super) fn wait_for_end(&self, deadline: Duration) -> bool {
        let tail = lock(&self.tail);
        let waited = self.ended.wait_timeout_while(tail, deadline, |tail| !tail.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
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

const BYTES_MAX: usize = 64 * 1024;
