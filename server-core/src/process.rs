//! Process: what every server does besides serving: arguments, log, listeners, signals, exit status.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::thread;

use clap::{Command, CommandFactory, FromArgMatches, Parser};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tracing::{info, warn};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};

use crate::budget::{PerClient, preallocate_descriptor_table, raise_descriptor_limit};
use crate::listen;
use crate::settings::{LogFormat, Settings};
use crate::shutdown::Shutdown;

/// One of the servers, as a program.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// The command's name.
    pub name: &'static str,
    /// One line for `--help`.
    pub about: &'static str,
    /// The resources that it needs for each client.
    pub per_client: PerClient,
    /// Checks the environment variables that this model reads.
    pub check: fn() -> Result<(), String>,
    /// Serves the clients of one or more listeners, which [`listen::bind`] has opened, until the shutdown is over.
    pub serve: fn(Vec<TcpListener>, Settings, Shutdown) -> io::Result<()>,
}

#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    settings: Settings,

    /// Print every limit in force and exit
    #[arg(long)]
    check: bool,
}

/// Runs a server with these arguments, the first being the command's name, until a signal ends it.
///
/// Prints a line `listening on ADDR` on standard output for each of its addresses once clients can connect. The
/// first SIGTERM or SIGINT starts the graceful shutdown, the second one ends the process at once. The exit status
/// is 0 after a graceful shutdown, 1 if the server cannot serve, 2 for unusable arguments.
pub fn run(program: &Program, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let matches = command(program).get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    raise_descriptor_limit();
    if let Err(error) = cli.settings.check().and_then(|()| (program.check)()) {
        report(program, &error);
        return ExitCode::from(2);
    }
    if cli.check {
        return print_table(program, &cli.settings);
    }
    match serve(program, cli.settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(program, &error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error as one line on standard error.
fn report(program: &Program, error: &impl Display) {
    // If standard error is closed, the exit status still reports the failure.
    let _ = writeln!(io::stderr(), "{}: {error}", program.name);
}

fn command(program: &Program) -> Command {
    Cli::command()
        .name(program.name)
        .bin_name(program.name)
        .about(program.about)
        // The derived text would be the doc comment of the settings type.
        .long_about(None::<&str>)
        .max_term_width(HELP_COLUMNS)
        .after_help(EXAMPLES.replace("SERVER", program.name))
}

fn serve(program: &Program, settings: Settings) -> io::Result<()> {
    // Before the first thread, which is the log's.
    preallocate_descriptor_table();
    // Writes the remaining lines when it goes out of scope.
    let _log = start_log(&settings)?;
    let listeners = listen::bind(&settings.listen).map_err(io::Error::other)?;
    let shutdown = Shutdown::default();
    handle_signals(&shutdown)?;
    for (flag, value) in settings.table(program.per_client) {
        info!("{flag}: {value}");
    }
    report_addresses(&listeners)?;
    (program.serve)(listeners, settings, shutdown)
}

/// Prints the ready line of each address, and warns of those that other machines can reach (SPEC SEC-03).
fn report_addresses(listeners: &[TcpListener]) -> io::Result<()> {
    let addresses = listeners.iter().map(TcpListener::local_addr);
    let addresses = addresses.collect::<io::Result<Vec<_>>>()?;
    for address in addresses.iter().filter(|address| !address.ip().is_loopback()) {
        warn!("{address} can be reached from other machines: there is no login and no encryption");
    }
    let mut out = io::stdout().lock();
    let mut lines = addresses.iter();
    // A harness that has read enough may have closed the pipe. The server serves all the same.
    let _ = lines.try_for_each(|address| writeln!(out, "listening on {address}"));
    Ok(())
}

/// Triggers the shutdown at the first SIGTERM or SIGINT, and ends the process at the second (SPEC SHD-05).
fn handle_signals(shutdown: &Shutdown) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let shutdown = shutdown.clone();
    let started = thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            if shutdown.is_triggered() {
                std::process::exit(128 + signal);
            }
            shutdown.trigger();
            info!("stopping; another signal ends the process at once");
        }
    });
    started.map(drop).map_err(no_thread)
}

/// Starts the log. A thread of its own writes the lines, and lines that it has no time for are dropped: a stopped
/// terminal, or a pipe that no program reads, must not delay the room.
fn start_log(settings: &Settings) -> io::Result<WorkerGuard> {
    // The library panics if it cannot start its thread. This trial finds that out first, and returns an error.
    let trial = thread::Builder::new().spawn(|| ()).map_err(no_thread)?;
    trial.join().expect("a thread that does nothing does not panic");
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(LOG_LINES_WAITING)
        .lossy(true)
        .thread_name("log")
        .finish(Batch { out: io::stderr(), lines: Vec::new() });
    let colour =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let log = tracing_subscriber::fmt()
        .with_writer(writer)
        // Without this, the library reports a failed write with a macro that panics if that write fails, too.
        .log_internal_errors(false)
        .with_ansi(colour)
        .with_target(false)
        .with_max_level(settings.log);
    match settings.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(guard)
}

/// Coalesces lines into one write, so that under load not every line costs a system call.
struct Batch<W> {
    out: W,
    lines: Vec<u8>,
}

impl<W: Write> Write for Batch<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.lines.extend_from_slice(line);
        if self.lines.len() >= LOG_BATCH {
            self.flush()?;
        }
        Ok(line.len())
    }

    /// The log's thread calls it when no more lines wait.
    fn flush(&mut self) -> io::Result<()> {
        // Lines that cannot be written are dropped: there is no other place to report that.
        let _ = self.out.write_all(&self.lines);
        self.lines.clear();
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err calls it")]
fn no_thread(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("a thread cannot be started: {error}"))
}

fn print_table(program: &Program, settings: &Settings) -> ExitCode {
    let mut out = io::stdout().lock();
    let table = settings.table(program.per_client);
    let written = table.iter().try_for_each(|(flag, value)| writeln!(out, "{flag:<29} {value}"));
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Lines that wait for the log's thread at most: about a megabyte.
const LOG_LINES_WAITING: usize = 8192;

/// Bytes of lines that are coalesced at most: a fraction of a pipe's capacity, so that its reader always has something
/// to read.
const LOG_BATCH: usize = 16 * 1024;

/// Columns of the narrowest usual terminal: the help fits them.
const HELP_COLUMNS: usize = 80;

const EXAMPLES: &str = "\
Examples:
  Serve this machine only, at 127.0.0.1:1234:
    SERVER
  Serve a local network:
    SERVER --listen 0.0.0.0:1234
  In a container, and publish the port:
    SERVER --listen 0.0.0.0:1234
  Use any free port, which is printed on standard output:
    SERVER --listen 127.0.0.1:0
  Accept messages of 4 MiB, over slow connections too:
    SERVER --max-message 4MiB --window 32MiB --frame-timeout 5m
  Print every limit in force:
    SERVER --check

Exit status: 0 after a graceful shutdown, 1 if it cannot serve, 2 if the command
line is wrong.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_coalesced_up_to_a_limit() {
        let mut batch = Batch { out: Vec::new(), lines: Vec::new() };
        batch.write_all(b"one\n").unwrap();
        batch.write_all(b"two\n").unwrap();
        assert!(batch.out.is_empty());
        batch.flush().unwrap();
        assert_eq!(b"one\ntwo\n", &*batch.out);
        batch.write_all(&[b'x'; LOG_BATCH]).unwrap();
        assert_eq!(8 + LOG_BATCH, batch.out.len());
    }

    #[test]
    fn lines_that_cannot_be_written_are_dropped() {
        let mut batch = Batch { out: &mut [0; 4][..], lines: Vec::new() };
        for _ in 0..3 {
            batch.write_all(&[b'x'; LOG_BATCH]).unwrap();
        }
        assert!(batch.lines.is_empty());
    }
}
