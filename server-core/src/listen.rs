//! Listen: the listening socket: its options, its start and end, and what to do when accepting fails.

mod error;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use protocol::ServerAddress;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tracing::warn;

pub use self::error::ListenError;
use crate::socket::SEND_BUFFER_SMALL;

/// Connections the kernel completes before they are accepted; it cuts this to `net.core.somaxconn`.
pub const BACKLOG: i32 = 4096;

/// How long a listener rests after the machine had nothing left for a new connection: long enough not
/// to spin, short enough to recover within a quarter of a second (SPEC RES-02, RES-03).
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// A listening socket on the first of the server's addresses that can be had, with the options of
/// [`set_listener_options`].
///
/// # Errors
///
/// The host is unknown, or none of its addresses can be bound: the last one's error.
pub fn bind(server: &ServerAddress) -> Result<TcpListener, ListenError> {
    let lookup = |error| ListenError::Lookup { server: server.clone(), error };
    // The system's resolver finds the interface of an IPv6 address only if the host is without brackets.
    let addresses = (server.host(), server.port()).to_socket_addrs().map_err(lookup)?;
    let mut last = lookup(io::Error::new(ErrorKind::NotFound, "the name has no address"));
    for address in addresses {
        match listen(address, set_listener_options) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = ListenError::Bind { server: server.clone(), address, error },
        }
    }
    Err(last)
}

/// A listening socket on this address. The address can be used again right after a server's end (SPEC SHD-03).
/// The socket gets its `options` before it listens, because clients may come at once; connections inherit them.
///
/// # Errors
///
/// The system does not give the address, or does not know the options.
pub fn listen(
    address: SocketAddr,
    options: fn(&Socket) -> io::Result<()>,
) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    options(&socket)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Has whatever a listener accepts wait for nothing more to send (SPEC RLY-06), and have a small buffer, so that a
/// client which reads nothing is noticed early (SPEC RLY-12): connections have both from their listener, without a
/// call for each.
///
/// # Errors
///
/// The system does not know these options.
pub fn set_listener_options(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_SMALL)
}

/// Wakes a thread that is blocked in `accept` and stops listening.
pub fn stop_listening(listener: &TcpListener) {
    // Where listening sockets cannot be shut down, a connection of our own wakes the thread as well.
    if SockRef::from(listener).shutdown(std::net::Shutdown::Both).is_err()
        && let Ok(address) = listener.local_addr()
    {
        // Refused or not: nobody is blocked any more.
        let _ = TcpStream::connect_timeout(&address, ACCEPT_BACKOFF);
    }
}

/// What to do about errors of `accept`.
#[derive(Debug, Default)]
pub struct AcceptBackoff {
    logged: Option<Instant>,
}

impl AcceptBackoff {
    /// How long to rest before accepting again; `None` if the error was one connection's own. Told in the
    /// log at most once a second (SPEC RES-02, SEC-02).
    pub fn delay(&mut self, error: &io::Error, now: Instant) -> Option<Duration> {
        if is_the_connections(error) {
            return None;
        }
        if self.logged.is_none_or(|logged| now - logged >= Duration::from_secs(1)) {
            self.logged = Some(now);
            warn!(%error, "no new clients for now");
        }
        Some(ACCEPT_BACKOFF)
    }
}

/// Whether an error of `accept` is one connection's, so that the next can be accepted at once. Any other
/// means that the machine has no descriptor or memory for it.
fn is_the_connections(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
            | ErrorKind::TimedOut
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listener_accepts_waits_for_nothing_and_has_a_small_buffer() {
        let listener = bind(&ServerAddress::to_listen_on("127.0.0.1:0").unwrap()).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.nodelay().unwrap());
        let buffer = SockRef::from(&accepted).send_buffer_size().unwrap();
        // Linux sets aside twice what it was asked for.
        assert!([1, 2].map(|times| times * SEND_BUFFER_SMALL).contains(&buffer), "{buffer}");
    }
}
