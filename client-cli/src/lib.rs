//! The line client: lines from a terminal or a pipe go to the room, what the room says is printed.
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
//! Two threads, because each direction may have to wait while the other must not: a server that
//! does not read us for a while still has to be read, or both would wait for each other once the
//! buffers between them are full.
//!
//! The main thread decides when it is over. The sender, at its input's end, notes that it got there
//! and half-closes the connection; the server answers by closing its half, and the main thread
//! finds the note: all is well. A close without the note came too early. Whatever the reason, the
//! process then ends, also if the sender still waits for a line that nobody types.
//!
//! Once the input has ended, a server that refuses us and one that merely answers our end do the
//! same on the wire. Such a refusal is printed like everything else, and the exit status is 0.

pub mod clean;

mod address;
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

pub use address::ServerAddress;
use clap::Parser;
use connect::connect;
pub use error::ClientError;
use lines::Lines;
pub use options::{DEFAULT_SERVER, Options};
pub use receive::ReceiveError;
use receive::{Style, print_pairs};
use send::{BlankLines, SendError, Sent, send_lines};

/// The program: reads the command line, its own name first, runs the client, and turns the result into an
/// exit status. A wrong command line ends the process with 2.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match run(&Options::parse_from(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Connects and chats until the server closes the connection or nobody reads our output any more.
///
/// Uses the process's standard input, output and error. May leave a thread behind that waits for
/// input: the caller is expected to end the process soon.
///
/// # Errors
///
/// The server cannot be reached, the connection ended too early or broke, or input or output
/// failed.
pub fn run(options: &Options) -> Result<(), ClientError> {
    let server = connect(&options.server, options.connect_timeout)?;
    if io::stdin().is_terminal() {
        let name = &options.name;
        report(&format_args!("connected to {} as {name}; Ctrl-D ends", options.server));
    }
    let server = Arc::new(server);
    let input = start_sender(options, Arc::clone(&server)).map_err(ClientError::Thread)?;
    let received = print_pairs(&*server, io::stdout().lock(), options.max_message, output_style());
    conclude(received, input.get())
}

/// Writes one line to standard error, headed by the program's name.
pub fn report(line: &impl fmt::Display) {
    // When standard error is gone as well, there is nobody left to tell.
    writeln!(io::stderr(), "client-cli: {line}").ok();
}

/// How reading the input ended.
enum InputEnd {
    /// Every line was sent.
    Complete,
    /// Some of it could not be read or sent; the user has been told.
    Incomplete,
}

/// Starts the sender; the cell it returns is filled before the connection is half-closed, and stays
/// empty if the connection fails first.
fn start_sender(options: &Options, server: Arc<TcpStream>) -> io::Result<Arc<OnceLock<InputEnd>>> {
    let name = options.name.clone();
    let limit = options.max_message;
    let ended = Arc::new(OnceLock::new());
    let recorded = Arc::clone(&ended);
    thread::Builder::new().name("sender".into()).spawn(move || {
        let lines = Lines::new(io::stdin(), limit);
        let end = match send_lines(&name, lines, blank_lines(), &*server) {
            Ok(Sent::Everything) => InputEnd::Complete,
            Ok(Sent::NotAll) => InputEnd::Incomplete,
            Err(SendError::Input(error)) => {
                report(&format_args!("cannot read the input: {}", error::cause(&error)));
                InputEnd::Incomplete
            }
            // The main thread meets the same failure when it reads, after the server's last words.
            Err(SendError::Connection) => return,
        };
        recorded.get_or_init(|| end);
        // It fails only on a connection that is gone, and the main thread meets that as well.
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

/// An empty line typed is a slip of the finger; one in a pipe is part of the text.
fn blank_lines() -> BlankLines {
    if io::stdin().is_terminal() { BlankLines::Skip } else { BlankLines::Send }
}

/// Colour is for terminals that can show it and users who have not declined it (no-color.org).
fn output_style() -> Style {
    let declined = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
    if io::stdout().is_terminal() && !declined && !dumb { Style::BoldNames } else { Style::Plain }
}
