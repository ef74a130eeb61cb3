//! Connecting: the server's addresses one after the other, each for a limited time.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use protocol::ServerAddress;

use crate::error::ClientError;

/// Connects to the first address of `server` that accepts the connection within `timeout`.
///
/// The system's own limits decide how long the lookup of the host's name takes.
///
/// # Errors
///
/// The host has no address, or the connection to each of its addresses fails.
pub(crate) fn connect(server: &ServerAddress, timeout: Duration) -> Result<TcpStream, ClientError> {
    let addresses =
        look_up(server).map_err(|error| ClientError::Lookup { server: server.clone(), error })?;
    connect_first(addresses, timeout)
        .map_err(|failures| ClientError::Unreachable { server: server.clone(), failures })
}

/// The addresses of the host. For an IPv6 address this includes the number of its interface, which
/// the system's resolver finds only if the host is without brackets.
fn look_up(server: &ServerAddress) -> io::Result<impl Iterator<Item = SocketAddr>> {
    (server.host(), server.port()).to_socket_addrs()
}

/// Tries each address in turn; the error holds the failure of each.
fn connect_first(
    addresses: impl Iterator<Item = SocketAddr>,
    timeout: Duration,
) -> Result<TcpStream, Vec<(SocketAddr, io::Error)>> {
    let mut failures = Vec::new();
    for address in addresses {
        match connect_one(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push((address, error)),
        }
    }
    Err(failures)
}

fn connect_one(address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, timeout)?;
    // A typed line is sent at once, and not when the line before it has been acknowledged.
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn after_a_refused_connection_the_next_address_is_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let timeout = Duration::from_secs(30);
        let stream = connect_first([closed, open].into_iter(), timeout).unwrap();
        assert_eq!(open, stream.peer_addr().unwrap());
        let failures = connect_first([closed, closed].into_iter(), timeout).unwrap_err();
        assert_eq!(2, failures.len(), "{failures:?}");
    }

    #[test]
    fn the_interface_of_a_link_local_address_is_looked_up() {
        let loopback = if cfg!(target_os = "linux") { "lo" } else { "lo0" };
        let server = format!("[fe80::1%{loopback}]:1234").parse().unwrap();
        let addresses: Vec<_> = look_up(&server).unwrap().collect();
        let [SocketAddr::V6(address)] = addresses[..] else { panic!("{addresses:?}") };
        assert_ne!(0, address.scope_id(), "{address}");
        assert_eq!(1234, address.port());
    }
}
