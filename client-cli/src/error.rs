//! Errors: why the client failed, in plain words, and what the user can do about it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};

use protocol::{FrameError, FrameFault, ServerAddress};

use crate::receive::ReceiveError;

/// Why the client ends with exit status 1. Displays as one line: the cause and the next step.
#[derive(Debug)]
pub enum ClientError {
    /// The server's host has no address.
    Lookup {
        /// The address from the command line.
        server: ServerAddress,
        /// The error of the system's resolver.
        error: io::Error,
    },
    /// The connection to each of the server's addresses failed.
    Unreachable {
        /// The address from the command line.
        server: ServerAddress,
        /// Each address that was tried, with its error.
        failures: Vec<(SocketAddr, io::Error)>,
    },
    /// The server closed the connection before the input ended.
    ClosedEarly,
    /// The conversation was complete, except for lines that could not be read or sent.
    Unsent,
    /// Receiving or printing failed.
    Receive(ReceiveError),
    /// The system could not start the sender thread.
    Thread(io::Error),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup { server, error } => write_lookup_error(f, server, error),
            Self::Unreachable { server, failures } => write_unreachable(f, server, failures),
            Self::ClosedEarly => f.write_str(
                "the server closed the connection before the input ended; \
                 if it gave a reason, the reason is the last message",
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

/// The system's text for an I/O error, without its number and what the standard library adds.
pub(crate) fn cause(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error ").next().unwrap_or(&text);
    let words = words.strip_prefix("failed to lookup address information: ").unwrap_or(words);
    let mut chars = words.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => text,
    }
}

fn write_lookup_error(
    f: &mut fmt::Formatter<'_>,
    server: &ServerAddress,
    error: &io::Error,
) -> fmt::Result {
    write!(f, "cannot find {server}: {}; check the ", cause(error))?;
    let has_interface = server.host().contains('%');
    f.write_str(if has_interface { "network interface that follows the %" } else { "host's name" })
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
    write_advice(f, server, failures)
}

fn write_advice(
    f: &mut fmt::Formatter<'_>,
    server: &ServerAddress,
    failures: &[(SocketAddr, io::Error)],
) -> fmt::Result {
    if let Some((SocketAddr::V6(address), _)) = failures.last()
        && address.ip().is_unicast_link_local()
        && address.scope_id() == 0
    {
        let (ip, port) = (address.ip(), address.port());
        return write!(f, "; name the network interface, for example [{ip}%eth0]:{port}");
    }
    let is_here = failures.iter().all(|(address, _)| is_this_machine(address.ip()));
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

/// Whether a connection to `ip` stays on this machine. One to an unspecified address (`0.0.0.0`)
/// does, too.
fn is_this_machine(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback() || ip.is_unspecified()
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
        ReceiveError::OutputClosed => f.write_str("the reader of the output is gone"),
        ReceiveError::Output(error) => {
            write!(f, "cannot write the output: {}; redirect it elsewhere", cause(error))
        }
    }
}

fn write_frame_error(f: &mut fmt::Formatter<'_>, error: &FrameError) -> fmt::Result {
    match error.fault {
        FrameFault::TooLong { .. } => {
            write!(f, "the server sends too long a message: {error}; --max-message allows more")
        }
        FrameFault::Byte(_) | FrameFault::Blank => write!(
            f,
            "the server breaks the protocol: {error}; is this a chat server? check the host and \
             the port"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreachable(kind: ErrorKind, addresses: &[&str]) -> String {
        let failure = |text: &&str| (text.parse().unwrap(), io::Error::from(kind));
        let failures = addresses.iter().map(failure).collect();
        ClientError::Unreachable { server: "chat:1".parse().unwrap(), failures }.to_string()
    }

    #[test]
    fn only_an_address_of_this_machine_gets_the_advice_to_start_a_server() {
        for here in [
            &["127.0.0.1:1"][..],
            &["[::1]:1", "127.0.0.2:1"],
            &["[::ffff:127.0.0.1]:1"],
            &["0.0.0.0:1"],
            &["[::]:1"],
        ] {
            let text = unreachable(ErrorKind::ConnectionRefused, here);
            assert!(text.ends_with("start one with `server-threaded --listen chat:1`"), "{text}");
        }
        for elsewhere in [&["192.0.2.1:1"][..], &["127.0.0.1:1", "[2001:db8::1]:1"]] {
            let text = unreachable(ErrorKind::ConnectionRefused, elsewhere);
            assert!(text.contains("listens beyond its loopback address"), "{text}");
            assert!(!text.contains("server-threaded"), "{text}");
        }
    }

    #[test]
    fn a_link_local_address_without_an_interface_gets_the_advice_to_name_one() {
        let text = unreachable(ErrorKind::InvalidInput, &["[fe80::1]:1"]);
        assert!(
            text.ends_with("name the network interface, for example [fe80::1%eth0]:1"),
            "{text}"
        );
        let text = unreachable(ErrorKind::NetworkUnreachable, &["[fe80::1%2]:1"]);
        assert!(text.ends_with("check the address and the network"), "{text}");
    }

    #[test]
    fn a_failed_lookup_names_what_to_check() {
        let fails = |server: &str| {
            let error =
                io::Error::other("failed to lookup address information: Name or service not known");
            ClientError::Lookup { server: server.parse().unwrap(), error }.to_string()
        };
        assert_eq!(
            "cannot find chat.example:1: name or service not known; check the host's name",
            fails("chat.example:1")
        );
        assert_eq!(
            "cannot find [fe80::1%no]:1: name or service not known; check the network interface \
             that follows the %",
            fails("[fe80::1%no]:1")
        );
    }
}
