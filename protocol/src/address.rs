//! The server's address as the user writes it: `HOST:PORT` or `[IPV6]:PORT`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A host and a port, not yet looked up. Displays in the form in which it was given.
///
/// ```
/// use protocol::ServerAddress;
/// let address: ServerAddress = "[fe80::1%eth0]:1234".parse().unwrap();
/// assert_eq!(("fe80::1%eth0", 1234), (address.host(), address.port()));
/// assert_eq!("[fe80::1%eth0]:1234", address.to_string());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    given: String,
    host: String,
    port: u16,
}

impl ServerAddress {
    /// The host: a name, an IPv4 address, or an IPv6 address without its brackets. The network
    /// interface of a link-local address follows a `%`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, from 1 to 65535.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl FromStr for ServerAddress {
    type Err = String;

    /// # Errors
    ///
    /// The text is not of one of the two forms. The error says why and shows an example.
    fn from_str(given: &str) -> Result<Self, String> {
        let (host, port) = split(given)?;
        let port = parse_port(port)
            .ok_or_else(|| expected("the port is a number from 1 to 65535", EXAMPLE))?;
        Ok(Self { given: given.into(), host: host.into(), port })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

/// The host without brackets, and the text after its colon.
fn split(given: &str) -> Result<(&str, &str), String> {
    if given.contains("://") {
        return Err(expected("a URL is not an address", EXAMPLE));
    }
    let is_foreign = |char: char| char.is_whitespace() || char.is_control() || char == '/';
    if let Some(char) = given.chars().find(|char| is_foreign(*char)) {
        return Err(expected(&format!("an address has no {char:?} in it"), EXAMPLE));
    }
    match given.strip_prefix('[') {
        Some(rest) => split_ipv6(rest),
        None => split_plain(given),
    }
}

/// Splits what follows the opening bracket.
fn split_ipv6(rest: &str) -> Result<(&str, &str), String> {
    match rest.split_once(']') {
        Some((host, rest)) if is_ipv6(host) => match rest.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None => Err(expected("the port is missing", &format!("[{host}]:1234"))),
        },
        _ => Err(expected("brackets enclose an IPv6 address", EXAMPLE_IPV6)),
    }
}

fn split_plain(given: &str) -> Result<(&str, &str), String> {
    match given.rsplit_once(':') {
        Some(("", _)) => Err(expected("the host is missing", EXAMPLE)),
        Some(("*", _)) => Err(expected("a client connects to one host, not to *", EXAMPLE)),
        Some((host, _)) if host.contains(':') => {
            Err(expected("an IPv6 address is enclosed in brackets", EXAMPLE_IPV6))
        }
        Some(parts) => Ok(parts),
        None if given.is_empty() => Err(expected("the address is empty", EXAMPLE)),
        None if parse_port(given).is_some() => {
            Err(expected("the host is missing", &format!("127.0.0.1:{given}")))
        }
        None => Err(expected("the port is missing", &format!("{given}:1234"))),
    }
}

/// Whether it is an IPv6 address, with or without a network interface.
fn is_ipv6(host: &str) -> bool {
    host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn parse_port(text: &str) -> Option<u16> {
    // The standard library's numbers may have a sign.
    let is_unsigned = !text.starts_with('+');
    text.parse().ok().filter(|port| is_unsigned && *port > 0)
}

fn expected(reason: &str, example: &str) -> String {
    format!("{reason}; expected HOST:PORT, for example {example}")
}

const EXAMPLE: &str = "127.0.0.1:1234";
const EXAMPLE_IPV6: &str = "[::1]:1234";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for (given, host, port) in [
            ("127.0.0.1:1234", "127.0.0.1", 1234),
            ("chat.example:65535", "chat.example", 65535),
            ("[::1]:1", "::1", 1),
            ("[fe80::1%lo]:1234", "fe80::1%lo", 1234),
        ] {
            let address: ServerAddress = given.parse().unwrap();
            assert_eq!((host, port), (address.host(), address.port()));
            assert_eq!(given, address.to_string());
        }
    }

    #[test]
    fn a_wrong_address_is_explained_with_an_example() {
        for (given, reason, example) in [
            ("", "the address is empty", EXAMPLE),
            (":1234", "the host is missing", EXAMPLE),
            ("1234", "the host is missing", EXAMPLE),
            ("*:1234", "a client connects to one host, not to *", EXAMPLE),
            ("localhost", "the port is missing", "localhost:1234"),
            ("localhost:", "the port is a number from 1 to 65535", EXAMPLE),
            ("localhost:0", "the port is a number from 1 to 65535", EXAMPLE),
            ("localhost:+1", "the port is a number from 1 to 65535", EXAMPLE),
            ("localhost:65536", "the port is a number from 1 to 65535", EXAMPLE),
            ("[fe80::1%lo]", "the port is missing", "[fe80::1%lo]:1234"),
            ("::1", "an IPv6 address is enclosed in brackets", EXAMPLE_IPV6),
            ("::1:1234", "an IPv6 address is enclosed in brackets", EXAMPLE_IPV6),
            ("[::1:1234", "brackets enclose an IPv6 address", EXAMPLE_IPV6),
            ("[localhost]:1234", "brackets enclose an IPv6 address", EXAMPLE_IPV6),
            ("http://localhost:1234", "a URL is not an address", EXAMPLE),
            ("local\nhost:1234", "an address has no '\\n' in it", EXAMPLE),
        ] {
            let error = given.parse::<ServerAddress>().unwrap_err();
            assert_eq!(expected(reason, example), error, "{given:?}");
        }
    }
}
