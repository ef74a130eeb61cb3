//! Interrupt: Ctrl-C and SIGTERM end a measurement, and the servers with it.

use std::{io, process, thread};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process::kill_all;

/// From here on, the first of these signals kills every server that was started and then ends the
/// program. The servers are in process groups of their own, so the terminal's Ctrl-C misses them.
///
/// # Errors
///
/// The signals cannot be watched.
pub fn end_children_on_signals() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            kill_all();
            eprintln!("interrupted: the servers are ended, and nothing is reported");
            process::exit(EXIT_BY_SIGNAL + signal);
        }
    })?;
    Ok(())
}

/// What a shell adds to a signal's number.
const EXIT_BY_SIGNAL: i32 = 128;
