//! Errors: why the client failed, in plain words, and what the user can do about it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use protocol::{FrameError, FrameFault};

use crate::address::ServerAddress;
use crate::receive::ReceiveError;

/// Why the client ends with exit status 1. Displays as one line: the cause and the next step.
#[derive(Debug)]
pub enum ClientError {
    /// The server's host has no address.
    Lookup {
        /// As given on the command line.
        server: ServerAddress,
        /// What the system says.
        error: io::Error,
    },
    /// No address of the server can be connected to.
    Unreachable {
        /// As given on the command line.
        server: ServerAddress,
        /// Every address tried and what came of it.
        failures: Vec<(SocketAddr, io::Error)>,
    },
    /// The server closed the connection while there was input still to come.
    ClosedEarly,
    /// The conversation was complete, but for lines that could not be read or sent.
    Unsent,
    /// What the server sends, or our output, failed.
    Receive(ReceiveError),
    /// The system gives us no thread.
    Thread(io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup { server, error } => {
                write!(f, "cannot find {server}: {}; check the host's name", cause(error))
            }
            Self::Unreachable { server, failures } => write_unreachable(f, server, failures),
            Self::ClosedEarly => f.write_str(
                "the server closed the connection before the input ended; \
                 its reason, if it gave one, is the last message",
            ),
            Self::Unsent => f.write_str("some of the input was not sent; the reasons are above"),
            Self::Receive(error) => write_receive_error(f, error),
            Self::Thread(error) => {
                write!(f, "cannot start a thread: {}; close other programs", cause(error))
            }
        }
    }
}

impl std::error::Error for ClientError {}

/// An I/O error in plain words: the system's text, without the number behind it.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error ").next().unwrap_or(&text);
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => text,
    }
}

fn write_unreachable(
    f: &mut fmt::Formatter<'_>,
    server: &ServerAddress,
    failures: &[(SocketAddr, io::Error)],
) -> fmt::Result {
    write!(f, "cannot reach {server}: ")?;
    for (place, (address, error)) in failures.iter().enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        match failures.len() {
            1 => f.write_str(&cause(error))?,
            _ => write!(f, "{comma}{} ({address})", cause(error))?,
        }
    }
    let is_here = failures.iter().all(|(address, _)| address.ip().to_canonical().is_loopback());
    match failures.last().map(|(_, error)| error.kind()) {
        Some(ErrorKind::ConnectionRefused) if is_here => write!(
            f,
            "; is a server running there? start one with `server-threaded --listen {server}`"
        ),
        Some(ErrorKind::ConnectionRefused) => f.write_str(
            "; check the host and the port, and that the server there listens beyond its loopback \
             address",
        ),
        Some(ErrorKind::TimedOut) => {
            f.write_str("; is the address right? --connect-timeout SECONDS waits longer")
        }
        _ => f.write_str("; check the address and the network"),
    }
}

fn write_receive_error(f: &mut fmt::Formatter<'_>, error: &ReceiveError) -> fmt::Result {
    match error {
        ReceiveError::Connection(error) => {
            write!(f, "lost the connection: {}; connect again", cause(error))
        }
        ReceiveError::Frame(error) => write_frame_error(f, error),
        ReceiveError::MidPair => {
            f.write_str("the server ended in the middle of a message; connect again")
        }
        ReceiveError::OutputClosed => f.write_str("nobody reads the output any more"),
        ReceiveError::Output(error) => write!(f, "cannot write the output: {}", cause(error)),
    }
}

fn write_frame_error(f: &mut fmt::Formatter<'_>, error: &FrameError) -> fmt::Result {
    match error.fault {
        FrameFault::TooLong { .. } => {
            write!(f, "the server sends too long a message: {error}; --max-message allows more")
        }
        FrameFault::Byte(_) | FrameFault::Blank => {
            write!(f, "the server breaks the protocol: {error}; is this a chat server?")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused_at(addresses: &[&str]) -> String {
        let failure =
            |text: &&str| (text.parse().unwrap(), io::Error::from(ErrorKind::ConnectionRefused));
        let failures = addresses.iter().map(failure).collect();
        ClientError::Unreachable { server: "chat:1".parse().unwrap(), failures }.to_string()
    }

    #[test]
    fn only_a_loopback_address_gets_the_advice_to_start_a_server() {
        for here in [&["127.0.0.1:1"][..], &["[::1]:1", "127.0.0.2:1"], &["[::ffff:127.0.0.1]:1"]] {
            let text = refused_at(here);
            assert!(text.ends_with("start one with `server-threaded --listen chat:1`"), "{text}");
        }
        for elsewhere in [&["192.0.2.1:1"][..], &["127.0.0.1:1", "[2001:db8::1]:1"]] {
            let text = refused_at(elsewhere);
            assert!(text.contains("listens beyond its loopback address"), "{text}");
            assert!(!text.contains("server-threaded"), "{text}");
        }
    }
}
