//! Interrupt: Ctrl-C, SIGTERM and a closed terminal end a run, and the servers with it.

use std::io::{self, Write as _};
use std::{fs, process, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process::kill_all;

/// From here on, the first SIGINT, SIGTERM or SIGHUP kills every server that was started and then ends
/// the program. The servers are in process groups of their own, so the terminal's Ctrl-C misses them.
///
/// # Errors
///
/// The signals cannot be watched.
pub fn end_children_on_signals() -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    if !ignores_hangup() {
        signals.add_signal(SIGHUP)?;
    }
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            kill_all();
            // The terminal may be what has gone: then there is nobody to tell.
            writeln!(io::stderr(), "interrupted: the servers are ended, and nothing is reported")
                .ok();
            process::exit(EXIT_BY_SIGNAL + signal);
        }
    })?;
    Ok(())
}

/// Whether this program was started by `nohup`, which wants a closed terminal to be survived. Where the
/// system does not tell, the answer is no.
pub fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}

/// What a shell adds to a signal's number.
const EXIT_BY_SIGNAL: i32 = 128;
