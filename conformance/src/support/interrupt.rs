//! Interrupt: Ctrl-C, SIGTERM and a closed terminal end a run, and the servers with it.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, process, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process::{kill_all, kill_running};

/// From here on, the first SIGINT, SIGTERM or SIGHUP kills every server that was started and then ends
/// the program. The servers are in process groups of their own, so the terminal's Ctrl-C misses them.
///
/// # Errors
///
/// The signals cannot be watched.
pub fn end_children_on_signals() -> io::Result<()> {
    let mut signals = ending_signals()?;
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

/// From here on, the first SIGINT, SIGTERM or SIGHUP is noted, for a program that then ends by itself and
/// tells what it has; a second one kills every server that was started and ends the program.
///
/// # Errors
///
/// The signals cannot be watched.
pub(crate) fn record_signals() -> io::Result<Interruption> {
    record_signals_and(|| {})
}

/// As [`record_signals`], and ends every server that runs when the first signal comes: whoever is waiting for
/// one of them waits no longer.
///
/// # Errors
///
/// As [`record_signals`].
pub(crate) fn kill_servers_on_signals() -> io::Result<Interruption> {
    record_signals_and(kill_running)
}

fn record_signals_and(then: fn()) -> io::Result<Interruption> {
    let mut signals = ending_signals()?;
    let interruption = Interruption::default();
    let noted = interruption.clone();
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if noted.0.swap(true, Ordering::Relaxed) {
                kill_all();
                process::exit(EXIT_BY_SIGNAL + signal);
            }
            then();
        }
    })?;
    Ok(interruption)
}

/// Whether the program was asked to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// Whether the first signal has come.
    pub(crate) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn ending_signals() -> io::Result<Signals> {
    let signals = Signals::new([SIGINT, SIGTERM])?;
    if !ignores_hangup() {
        signals.add_signal(SIGHUP)?;
    }
    Ok(signals)
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
