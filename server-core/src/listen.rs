//! Listen: the listening socket: its options, its start and end, and what to do when accepting fails.

mod error;

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use protocol::ServerAddress;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tracing::{info, warn};

pub use self::error::ListenError;
use crate::socket::SEND_BUFFER_SMALL;

/// Connections that the kernel completes before they are accepted. It reduces this to `net.core.somaxconn`.
pub const BACKLOG: i32 = 4096;

/// Addresses that a server listens on, at most. The descriptors and threads of that many are reserved.
pub const LISTENERS_MAX: usize = 4;

/// How long a server waits before it accepts again after the machine had no resources for a new connection: long
/// enough not to spin, short enough to recover within a quarter of a second (SPEC RES-02, RES-03).
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// A listening socket for each of the server's addresses, with the options of [`set_listener_options`]: at
/// least one, at most [`LISTENERS_MAX`]. With port 0 all of them get the same port.
///
/// An address that this machine does not have, such as `::1` where IPv6 is switched off, is left out if
/// there is another one.
///
/// # Errors
///
/// The host is unknown or has too many addresses, or one of them cannot be bound for another reason.
pub fn bind(server: &ServerAddress) -> Result<Vec<TcpListener>, ListenError> {
    bind_each(server, &look_up(server)?, |address| listen(address, set_listener_options))
}

/// The addresses of the host, each once and in the resolver's order.
fn look_up(server: &ServerAddress) -> Result<Vec<SocketAddr>, ListenError> {
    let failed = |error| ListenError::Lookup { server: server.clone(), error };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    // The system's resolver finds the interface of an IPv6 address only if the host is without brackets.
    for address in (server.host(), server.port()).to_socket_addrs().map_err(failed)? {
        // A host that stands in two lines of /etc/hosts is found twice.
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    match addresses.len() {
        0 => Err(failed(io::Error::new(ErrorKind::NotFound, "the name has no address"))),
        1..=LISTENERS_MAX => Ok(addresses),
        _ => Err(ListenError::TooMany { server: server.clone(), addresses }),
    }
}

/// Listens on each address. A port that the system chose for the first one may be taken on the next: then
/// the system chooses again, at most [`PORT_TRIES`] times.
fn bind_each(
    server: &ServerAddress,
    addresses: &[SocketAddr],
    listen: impl Fn(SocketAddr) -> io::Result<TcpListener>,
) -> Result<Vec<TcpListener>, ListenError> {
    let mut tries = 1;
    loop {
        match bind_at_one_port(server, addresses, &listen) {
            Err(ListenError::Bind { error, .. })
                if server.port() == 0
                    && error.kind() == ErrorKind::AddrInUse
                    && tries < PORT_TRIES =>
            {
                tries += 1;
            }
            result => return result,
        }
    }
}

fn bind_at_one_port(
    server: &ServerAddress,
    addresses: &[SocketAddr],
    listen: impl Fn(SocketAddr) -> io::Result<TcpListener>,
) -> Result<Vec<TcpListener>, ListenError> {
    let failed = |address, error| ListenError::Bind { server: server.clone(), address, error };
    let mut listeners = Vec::new();
    let mut left_out = None;
    let mut port = server.port();
    for &(mut address) in addresses {
        address.set_port(port);
        match listen(address).and_then(|listener| Ok((listener.local_addr()?.port(), listener))) {
            Ok((bound, listener)) => {
                port = bound;
                listeners.push(listener);
            }
            Err(error) if is_missing(&error) => left_out = Some(failed(address, error)),
            Err(error) => return Err(failed(address, error)),
        }
    }
    match left_out {
        Some(error) if listeners.is_empty() => return Err(error),
        Some(error) => info!("{error}; the server listens on the others"),
        None => {}
    }
    Ok(listeners)
}

/// Whether this machine does not have the address, or does not know its family.
fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || error::is_family_missing(error)
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

/// Sets the options that accepted connections inherit, which saves a call for each: they send small writes at once
/// (SPEC RLY-06), and their send buffer is small, so that a client that does not read is noticed early (SPEC
/// RLY-12).
///
/// # Errors
///
/// The system does not know these options.
pub fn set_listener_options(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_SMALL)
}

/// Stops listening, and wakes the thread that is blocked in `accept`.
pub fn stop_listening(listener: &TcpListener) {
    // Some systems cannot shut down a listening socket. There, a connection of our own wakes the thread.
    if SockRef::from(listener).shutdown(std::net::Shutdown::Both).is_err()
        && let Ok(address) = listener.local_addr()
    {
        // Whether it succeeds or not, no thread is blocked after it.
        let _ = TcpStream::connect_timeout(&address, ACCEPT_BACKOFF);
    }
}

/// How to go on after errors of `accept`.
#[derive(Debug, Default)]
pub struct AcceptBackoff {
    logged: Option<Instant>,
}

impl AcceptBackoff {
    /// How long to wait before accepting again; `None` if the error concerns one connection only. Logs at most one
    /// line per second (SPEC RES-02, SEC-02).
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

/// Whether an error of `accept` concerns one connection only, so that the next one can be accepted at once. Any other
/// error means that the machine has no descriptor or memory for a connection.
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

/// Ports that the system chooses before the server gives up: a port that is taken on one of two addresses is rare.
const PORT_TRIES: usize = 16;

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn server(address: &str) -> ServerAddress {
        ServerAddress::to_listen_on(address).unwrap()
    }

    fn loopback(address: SocketAddr) -> io::Result<TcpListener> {
        listen(address, set_listener_options)
    }

    #[test]
    fn accepted_connections_send_at_once_and_have_a_small_buffer() {
        let [listener] = &bind(&server("127.0.0.1:0")).unwrap()[..] else { panic!("one address") };
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.nodelay().unwrap());
        let buffer = SockRef::from(&accepted).send_buffer_size().unwrap();
        // Linux reserves twice the size that it was asked for.
        assert!([1, 2].map(|times| times * SEND_BUFFER_SMALL).contains(&buffer), "{buffer}");
    }

    #[test]
    fn all_addresses_get_the_port_that_the_system_chose_for_the_first() {
        let addresses = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| address.parse().unwrap());
        let listeners = bind_each(&server("name:0"), &addresses, loopback).unwrap();
        let bound: Vec<_> =
            listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
        assert_eq!(["127.0.0.1", "127.0.0.2"], [0, 1].map(|at| bound[at].ip().to_string())[..]);
        assert_eq!(bound[0].port(), bound[1].port());
    }

    #[test]
    fn a_chosen_port_that_is_taken_on_another_address_is_replaced() {
        let addresses = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| address.parse().unwrap());
        let taken = Cell::new(2);
        let listen = |address: SocketAddr| {
            if address == addresses[0] || taken.get() == 0 {
                return loopback(address);
            }
            taken.set(taken.get() - 1);
            Err(ErrorKind::AddrInUse.into())
        };
        assert_eq!(2, bind_each(&server("name:0"), &addresses, listen).unwrap().len());
        assert_eq!(0, taken.get());
    }

    #[test]
    fn the_search_for_a_port_that_is_free_on_all_addresses_ends() {
        let addresses = ["127.0.0.1:0", "127.0.0.2:0"].map(|address| address.parse().unwrap());
        let tries = Cell::new(0);
        let listen = |address: SocketAddr| {
            if address == addresses[0] {
                return loopback(address);
            }
            tries.set(tries.get() + 1);
            Err(ErrorKind::AddrInUse.into())
        };
        assert!(bind_each(&server("name:0"), &addresses, listen).is_err());
        assert_eq!(PORT_TRIES, tries.get());
    }

    #[test]
    fn a_given_port_that_is_taken_on_one_address_is_an_error() {
        let first = loopback("127.0.0.2:0".parse().unwrap()).unwrap();
        let port = first.local_addr().unwrap().port();
        let addresses =
            ["127.0.0.1", "127.0.0.2"].map(|ip| SocketAddr::new(ip.parse().unwrap(), port));
        let error = bind_each(&server(&format!("name:{port}")), &addresses, loopback).unwrap_err();
        assert!(error.to_string().contains(&format!("(127.0.0.2:{port})")), "{error}");
    }

    #[test]
    fn an_address_that_the_machine_does_not_have_is_left_out() {
        // One that is kept for documentation.
        let addresses = ["192.0.2.1:0", "127.0.0.1:0"].map(|address| address.parse().unwrap());
        let listeners = bind_each(&server("name:0"), &addresses, loopback).unwrap();
        assert_eq!(1, listeners.len());
        let error = bind_each(&server("name:0"), &addresses[..1], loopback).unwrap_err();
        assert!(error.to_string().contains("does not have that address"), "{error}");
    }
}
