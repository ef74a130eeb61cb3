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
    open_first(addresses, timeout)
        .map_err(|failures| ClientError::Unreachable { server: server.into(), failures })
}

/// Tries one address after the other; the error says what came of each.
fn open_first(
    addresses: impl Iterator<Item = SocketAddr>,
    timeout: Duration,
) -> Result<TcpStream, Vec<(SocketAddr, io::Error)>> {
    let mut failures = Vec::new();
    for address in addresses {
        match open(address, timeout) {
            Ok(stream) => return Ok(stream),
            Err(error) => failures.push((address, error)),
        }
    }
    Err(failures)
}

fn open(address: SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
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
    fn an_address_that_refuses_does_not_keep_the_next_one_from_being_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let answers = listener.local_addr().unwrap();
        let refuses = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let timeout = Duration::from_secs(30);
        let stream = open_first([refuses, answers].into_iter(), timeout).unwrap();
        assert_eq!(answers, stream.peer_addr().unwrap());
        let failures = open_first([refuses, refuses].into_iter(), timeout).unwrap_err();
        assert_eq!(2, failures.len(), "{failures:?}");
    }
}
