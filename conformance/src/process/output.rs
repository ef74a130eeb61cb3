//! Output: the beginning of one output of a child, which grows while a test looks at it.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::group::lock;

/// One output of a child.
#[derive(Debug, Default)]
pub(super) struct Output {
    captured: Mutex<Captured>,
    grown: Condvar,
}

#[derive(Debug, Default)]
struct Captured {
    /// The first [`BYTES_MAX`] bytes so far.
    bytes: Vec<u8>,
    is_eof: bool,
}

impl Output {
    /// Reads in a thread until EOF, or until an error, with which a terminal ends.
    pub(super) fn of(mut pipe: impl Read + Send + 'static) -> Arc<Self> {
        let output = Arc::new(Self::default());
        let captured = Arc::clone(&output);
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = pipe.read(&mut chunk) {
                captured.update(|captured| {
                    let free = BYTES_MAX - captured.bytes.len();
                    captured.bytes.extend_from_slice(&chunk[..count.min(free)]);
                });
            }
            captured.update(|captured| captured.is_eof = true);
        });
        output
    }

    /// Waits for EOF, until `deadline`, and returns the bytes so far.
    pub(super) fn to_eof(&self, deadline: Duration) -> Vec<u8> {
        self.wait(deadline, |_| None::<()>);
        lock(&self.captured).bytes.clone()
    }

    /// Waits for a complete line after position `from` that satisfies `is_wanted`, and returns the
    /// position after it. `None` after `deadline` and at EOF.
    pub(super) fn wait_for_line(
        &self,
        from: usize,
        is_wanted: impl Fn(&[u8]) -> bool,
        deadline: Duration,
    ) -> Option<usize> {
        self.wait(deadline, |bytes| {
            let mut position = from;
            let lines = bytes.get(from..)?.split_inclusive(|&byte| byte == b'\n');
            for line in lines.filter_map(|line| line.strip_suffix(b"\n")) {
                position += line.len() + 1;
                if is_wanted(line) {
                    return Some(position);
                }
            }
            None
        })
    }

    /// Waits until `find` finds something in the bytes so far; `None` after `deadline` and at EOF.
    fn wait<T>(&self, deadline: Duration, find: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let captured = lock(&self.captured);
        let is_pending =
            |captured: &mut Captured| !captured.is_eof && find(&captured.bytes).is_none();
        let waited = self.grown.wait_timeout_while(captured, deadline, is_pending);
        find(&waited.unwrap_or_else(PoisonError::into_inner).0.bytes)
    }

    fn update(&self, change: impl FnOnce(&mut Captured)) {
        change(&mut lock(&self.captured));
        self.grown.notify_all();
    }
}

const BYTES_MAX: usize = 4 << 20;
