//! Runtime: how many threads run the tasks.

use std::io;

use tokio::runtime::{Builder, Runtime};

/// The number of workers in `TOKIO_WORKER_THREADS`, one by default.
///
/// In most fan-outs a second worker was measured to cost a quarter to two thirds more CPU per delivery.
///
/// # Errors
///
/// The variable is no number of threads.
pub(crate) fn workers() -> Result<usize, String> {
    let Some(value) = std::env::var_os("TOKIO_WORKER_THREADS") else { return Ok(1) };
    let workers =
        value.to_str().and_then(|value| value.parse().ok()).filter(|&workers| workers > 0);
    workers.ok_or_else(|| "TOKIO_WORKER_THREADS must be a number of threads, 1 or more".into())
}

/// A runtime with so many workers. One worker is the calling thread.
pub(crate) fn runtime(workers: usize) -> io::Result<Runtime> {
    match workers {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread().worker_threads(workers).enable_all().build(),
    }
}
