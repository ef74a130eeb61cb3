//! Listen errors: why a server cannot listen, in plain words, and what the operator can do about it.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use protocol::ServerAddress;

/// Why a server cannot listen. Displays as one line: the cause and the next step.
#[derive(Debug)]
pub enum ListenError {
    /// The host has no address.
    Lookup {
        /// The address from the command line.
        server: ServerAddress,
        /// The error of the system's resolver.
        error: io::Error,
    },
    /// The host has more than [`LISTENERS_MAX`](super::LISTENERS_MAX) addresses.
    TooMany {
        /// The address from the command line.
        server: ServerAddress,
        /// All addresses of the host.
        addresses: Vec<SocketAddr>,
    },
    /// The system does not let the server listen on one of the host's addresses.
    Bind {
        /// The address from the command line.
        server: ServerAddress,
        /// The address that was tried.
        address: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup { server, error } => {
                let has_interface = server.host().contains('%');
                let part = if has_interface { "interface after the %" } else { "host's name" };
                write!(f, "cannot listen on {server}: {error}; check the {part}")
            }
            Self::TooMany { server, addresses } => {
                let some: Vec<_> = addresses.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "cannot listen on {server}: it has {} addresses, too many; use one of them: {}",
                    addresses.len(),
                    some.join(", ")
                )
            }
            Self::Bind { server, address, error } => {
                write!(f, "cannot listen on {server}")?;
                if server.to_string() != address.to_string() {
                    write!(f, " ({address})")?;
                }
                write!(f, ": {error}; {}", advice(*address, error))
            }
        }
    }
}

impl std::error::Error for ListenError {}

/// What to do about an address that the system does not give.
fn advice(address: SocketAddr, error: &io::Error) -> String {
    if let SocketAddr::V6(address) = address
        && address.ip().is_unicast_link_local()
        && address.scope_id() == 0
    {
        let (ip, port) = (address.ip(), address.port());
        return format!("name the network interface, for example [{ip}%eth0]:{port}");
    }
    let text = match error.kind() {
        ErrorKind::AddrInUse => "another program listens there; choose another port with --listen",
        ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one",
        ErrorKind::AddrNotAvailable => {
            let all = if address.is_ipv4() { "0.0.0.0" } else { "[::]" };
            return format!(
                "this machine does not have that address; use one that it has, or {all}:{} for all",
                address.port()
            );
        }
        _ if is_family_missing(error) => "this machine has no IPv6; use an IPv4 address",
        _ => "check the address and the network",
    };
    text.into()
}

/// Whether the system does not know the address's family: usually IPv6 is switched off.
pub(super) fn is_family_missing(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bind_error(server: &str, address: &str, kind: ErrorKind) -> String {
        let server = ServerAddress::to_listen_on(server).unwrap();
        let (address, error) = (address.parse().unwrap(), io::Error::from(kind));
        ListenError::Bind { server, address, error }.to_string()
    }

    #[test]
    fn the_address_that_failed_is_named_if_it_was_not_given() {
        let text = bind_error("localhost:1", "127.0.0.1:1", ErrorKind::AddrInUse);
        assert!(text.starts_with("cannot listen on localhost:1 (127.0.0.1:1): "), "{text}");
        let text = bind_error("127.0.0.1:1", "127.0.0.1:1", ErrorKind::AddrInUse);
        assert!(text.starts_with("cannot listen on 127.0.0.1:1: "), "{text}");
    }

    #[test]
    fn an_address_of_another_machine_gets_the_advice_to_use_one_of_this_machine() {
        for (address, all) in
            [("192.0.2.1:1234", "0.0.0.0:1234"), ("[2001:db8::1]:1234", "[::]:1234")]
        {
            let text = bind_error(address, address, ErrorKind::AddrNotAvailable);
            let advice = format!(
                "; this machine does not have that address; use one that it has, or {all} for all"
            );
            assert!(text.ends_with(&advice), "{text}");
        }
    }

    #[test]
    fn a_link_local_address_without_an_interface_gets_the_advice_to_name_one() {
        let text = bind_error("[fe80::1]:1", "[fe80::1]:1", ErrorKind::InvalidInput);
        let advice = "; name the network interface, for example [fe80::1%eth0]:1";
        assert!(text.ends_with(advice), "{text}");
    }

    #[test]
    fn a_failed_lookup_names_what_to_check() {
        for (server, part) in
            [("chat.example:1", "host's name"), ("[fe80::1%no]:1", "interface after the %")]
        {
            let server = ServerAddress::to_listen_on(server).unwrap();
            let error = io::Error::other("name or service not known");
            let text = ListenError::Lookup { server, error }.to_string();
            assert!(text.ends_with(&format!("known; check the {part}")), "{text}");
        }
    }
}
