//! The line client: sends lines from a terminal or a pipe to the room, and prints its messages.
//!
//! ```text
//!  terminal or pipe ──► sender thread ──── frames ───► ┌────────┐
//!                       waits for input,               │ socket │ ◄──► server
//!                       then for the socket            │        │
//!  standard output ◄─── main thread ◄───── pairs ───── └────────┘
//!                       waits for the server,
//!                       then for the output
//! ```
//!
//! There are two threads because one direction may have to wait while the other must not. A server
//! that does not read for a while must still be read: otherwise client and server would wait for
//! each other as soon as the buffers between them are full.
//!
//! The main thread decides how the client ends. At the end of the input, the sender records that
//! end and half-closes the connection. The server then closes its half, and the main thread finds
//! the record: the client succeeds. A close without the record came too early, and the client
//! fails. Either way the process ends, even if the sender still waits for input.
//!
//! Once the input has ended, a server that rejects the client and one that only answers the
//! half-close do the same on the wire. The client prints the rejection like any other message, and
//! its exit status is 0.

pub mod clean;

mod connect;
mod error;
mod lines;
mod options;
mod receive;
mod send;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::net::{Shutdown, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::{env, fmt, thread};

use clap::Parser;
use connect::connect;
pub use error::ClientError;
use lines::Lines;
pub use options::{DEFAULT_SERVER, Options};
pub use protocol::ServerAddress;
pub use receive::ReceiveError;
use receive::{Style, print_pairs};
use send::{BlankLines, SendError, Sent, send_lines};

/// The whole program: reads the command line (the program's name first), runs the client, and
/// returns the exit status: 0, 1 for a failure, 2 for a wrong command line. `--help` and `--version`
/// end the process.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) if error.use_stderr() => {
            report(&options::usage_error(&error));
            return ExitCode::from(USAGE);
        }
        Err(help) => help.exit(),
    };
    match run(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Connects, and chats until the server closes the connection or the output is closed.
///
/// Uses the process's standard input, output and error. It may leave a thread behind that waits for
/// input, so the caller is expected to end the process soon.
///
/// # Errors
///
/// The server cannot be reached, the connection ended too early or failed, or input or output
/// failed.
pub fn run(options: &Options) -> Result<(), ClientError> {
    let server = connect(&options.server, options.connect_timeout)?;
    if io::stdin().is_terminal() {
        let name = &options.name;
        report(&format_args!(
            "connected to {} as {name}; Enter sends a line, Ctrl-D leaves",
            options.server
        ));
    }
    let server = Arc::new(server);
    let input = start_sender(options, Arc::clone(&server)).map_err(ClientError::Thread)?;
    let received = print_pairs(&*server, io::stdout().lock(), options.max_message, output_style());
    conclude(received, input.get())
}

/// Writes one line to standard error: the program's name, and `line` with its control characters
/// made visible.
pub fn report(line: &impl fmt::Display) {
    let line = clean::clean(&line.to_string());
    // If standard error is closed as well, there is no place left to report that.
    writeln!(io::stderr(), "client-cli: {line}").ok();
}

/// How reading the input ended.
enum InputEnd {
    /// Every line was sent.
    Complete,
    /// Some lines could not be read or sent, and the client has reported them.
    Incomplete,
}

/// Starts the sender thread. The thread fills the returned cell before it half-closes the
/// connection; if the connection fails first, the cell stays empty.
fn start_sender(options: &Options, server: Arc<TcpStream>) -> io::Result<Arc<OnceLock<InputEnd>>> {
    let name = options.name.clone();
    let limit = options.max_message;
    let ended = Arc::new(OnceLock::new());
    let record = Arc::clone(&ended);
    thread::Builder::new().name("sender".into()).spawn(move || {
        let lines = Lines::new(io::stdin(), limit);
        let end = match send_lines(&name, lines, blank_lines(), &*server) {
            Ok(Sent::Everything) => InputEnd::Complete,
            Ok(Sent::NotAll) => InputEnd::Incomplete,
            Err(SendError::Input(error)) => {
                let cause = error::cause(&error);
                report(&format_args!("cannot read the input: {cause}; check standard input"));
                InputEnd::Incomplete
            }
            // The main thread gets the same failure when it reads, after the server's last pairs.
            Err(SendError::Connection) => return,
        };
        record.get_or_init(|| end);
        // This fails only if the connection is already gone, which the main thread finds as well.
        server.shutdown(Shutdown::Write).ok();
    })?;
    Ok(ended)
}

fn conclude(
    received: Result<(), ReceiveError>,
    input: Option<&InputEnd>,
) -> Result<(), ClientError> {
    match (received, input) {
        (Err(ReceiveError::OutputClosed), _) | (Ok(()), Some(InputEnd::Complete)) => Ok(()),
        (Err(error), _) => Err(ClientError::Receive(error)),
        (Ok(()), Some(InputEnd::Incomplete)) => Err(ClientError::Unsent),
        (Ok(()), None) => Err(ClientError::ClosedEarly),
    }
}

/// An empty line is usually a slip at a terminal, but part of the text in a pipe.
fn blank_lines() -> BlankLines {
    if io::stdin().is_terminal() { BlankLines::Skip } else { BlankLines::Send }
}

/// Bold is for a terminal that can show it and a user who has not declined it (no-color.org).
fn output_style() -> Style {
    let declined = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    if io::stdout().is_terminal() && !declined && !dumb { Style::BoldNames } else { Style::Plain }
}

/// The exit status of a wrong command line.
const USAGE: u8 = 2;
