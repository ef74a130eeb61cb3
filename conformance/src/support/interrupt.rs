//! Interrupt: Ctrl-C, SIGTERM and a closed terminal end a run and the servers that it has started.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, process, thread};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::process::{kill_all, kill_running};

/// Installs a handler with which the first SIGINT, SIGTERM or SIGHUP kills all child processes and
/// ends the program. The children are in process groups of their own, so the terminal's Ctrl-C does
/// not reach them.
///
/// # Errors
///
/// The handler cannot be installed.
pub fn end_children_on_signals() -> io::Result<()> {
    let mut signals = ending_signals()?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            kill_all();
            // After a hangup, standard error may be closed.
            writeln!(io::stderr(), "interrupted: the servers were ended; there is no report").ok();
            process::exit(EXIT_BY_SIGNAL + signal);
        }
    })?;
    Ok(())
}

/// Installs a handler that records the first SIGINT, SIGTERM or SIGHUP, for a program that then
/// ends by itself and reports its results so far. A second signal kills all child processes and
/// ends the program.
///
/// # Errors
///
/// The handler cannot be installed.
pub(crate) fn record_signals() -> io::Result<Interruption> {
    record_signals_and(|| {})
}

/// As [`record_signals`]; the first signal also kills all child processes that run, which ends
/// every wait for one of them.
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

/// The record of the first signal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interruption(Arc<AtomicBool>);

impl Interruption {
    /// Whether there was a signal.
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

/// Whether this program was started with SIGHUP ignored, as by `nohup`; it then survives a closed
/// terminal. `false` on systems without `/proc`.
pub fn ignores_hangup() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}

/// A shell reports the end by a signal as this plus the signal's number.
const EXIT_BY_SIGNAL: i32 = 128;
