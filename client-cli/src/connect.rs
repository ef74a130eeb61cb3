//! Connecting: every address of the server in turn, each for a limited time.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use crate::error::ClientError;

/// Connects to the first address of `server` (`HOST:PORT`) that answers within `timeout`.
///
/// Looking up the host's name takes as long as the system's own limits allow.
///
/// # Errors
///
/// The host has no address, or none of its addresses can be connected to.
pub(crate) fn connect(server: &str, timeout: Duration) -> Result<TcpStream, ClientError> {
    let addresses = server
        .to_socket_addrs()
        .map_err(|error| ClientError::Lookup { server: server.into(), error })?;
    connect_first(addresses, timeout)
        .map_err(|failures| ClientError::Unreachable { server: server.into(), failures })
}

/// Tries one address after the other; the error says what came of each.
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
    // A line typed is a line sent: it does not wait for the acknowledgement of the one before.
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
}
