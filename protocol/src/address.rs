//! The server's address as the user writes it: `HOST:PORT` or `[IPV6]:PORT`.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A host and a port, not yet looked up. Displays in the form in which it was given.
///
/// [`FromStr`] reads an address to connect to, [`to_listen_on`](Self::to_listen_on) one to listen on.
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
    /// An address for a server to listen on. Port 0 lets the system choose one.
    ///
    /// # Errors
    ///
    /// The text is not of one of the two forms, or names no host. The error says why and what to write instead.
    ///
    /// ```
    /// use protocol::ServerAddress;
    /// assert_eq!(0, ServerAddress::to_listen_on("localhost:0").unwrap().port());
    /// assert!(ServerAddress::to_listen_on("*:1234").unwrap_err().contains("0.0.0.0:1234"));
    /// ```
    pub fn to_listen_on(given: &str) -> Result<Self, String> {
        Self::parse(given, Purpose::Listen)
    }

    fn parse(given: &str, purpose: Purpose) -> Result<Self, String> {
        let (host, port) = split(given, purpose)?;
        let lowest = purpose.lowest_port();
        let port = parse_port(port).filter(|port| *port >= lowest).ok_or_else(|| {
            expected(&format!("the port is a number from {lowest} to 65535"), EXAMPLE)
        })?;
        Ok(Self { given: given.into(), host: host.into(), port })
    }

    /// The host: a name, an IPv4 address, or an IPv6 address without its brackets. The network
    /// interface of a link-local address follows a `%`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, from 1 to 65535; in an address to listen on also 0.
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
        Self::parse(given, Purpose::Connect)
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.given)
    }
}

/// What an address is for.
#[derive(Clone, Copy)]
enum Purpose {
    Connect,
    Listen,
}

impl Purpose {
    fn lowest_port(self) -> u16 {
        match self {
            Self::Connect => 1,
            Self::Listen => 0,
        }
    }

    /// What to write in place of an address without a host.
    fn without_host(self, port: &str) -> String {
        let port = parse_port(port).map_or_else(|| "1234".into(), |port| port.to_string());
        match self {
            Self::Connect => expected("the host is missing", &format!("127.0.0.1:{port}")),
            Self::Listen => format!("the host is missing; {}", all_addresses(&port)),
        }
    }

    /// What to write in place of `*`, which some programs take for all addresses.
    fn star(self, port: &str) -> String {
        let port = parse_port(port).map_or_else(|| "1234".into(), |port| port.to_string());
        match self {
            Self::Connect => expected("a client connects to one host, not to *", EXAMPLE),
            Self::Listen => format!("* is not a host; {}", all_addresses(&port)),
        }
    }
}

fn all_addresses(port: &str) -> String {
    format!(
        "for all addresses of this machine write 0.0.0.0:{port} (IPv4) or [::]:{port} (IPv6), \
         for this machine alone 127.0.0.1:{port}"
    )
}

/// The host without brackets, and the text after its colon.
fn split(given: &str, purpose: Purpose) -> Result<(&str, &str), String> {
    if given.contains("://") {
        return Err(expected("a URL is not an address", EXAMPLE));
    }
    let is_foreign = |char: char| char.is_whitespace() || char.is_control() || char == '/';
    if let Some(char) = given.chars().find(|char| is_foreign(*char)) {
        return Err(expected(&format!("an address has no {char:?} in it"), EXAMPLE));
    }
    match given.strip_prefix('[') {
        Some(rest) => split_ipv6(rest),
        None => split_plain(given, purpose),
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

fn split_plain(given: &str, purpose: Purpose) -> Result<(&str, &str), String> {
    match given.rsplit_once(':') {
        Some(("", port)) => Err(purpose.without_host(port)),
        Some(("*", port)) => Err(purpose.star(port)),
        Some((host, _)) if host.contains(':') => {
            Err(expected("an IPv6 address is enclosed in brackets", EXAMPLE_IPV6))
        }
        Some(parts) => Ok(parts),
        None if given.is_empty() => Err(expected("the address is empty", EXAMPLE)),
        None if given == "*" => Err(purpose.star("")),
        None if parse_port(given).is_some() => Err(purpose.without_host(given)),
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
    text.parse().ok().filter(|_| is_unsigned)
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
            for address in [given.parse(), ServerAddress::to_listen_on(given)] {
                let address = address.unwrap();
                assert_eq!((host, port), (address.host(), address.port()));
                assert_eq!(given, address.to_string());
            }
        }
    }

    #[test]
    fn a_wrong_address_is_explained_with_an_example() {
        for (given, reason, example) in [
            ("", "the address is empty", EXAMPLE),
            ("localhost", "the port is missing", "localhost:1234"),
            ("0.0.0.0", "the port is missing", "0.0.0.0:1234"),
            ("[fe80::1%lo]", "the port is missing", "[fe80::1%lo]:1234"),
            ("::1", "an IPv6 address is enclosed in brackets", EXAMPLE_IPV6),
            ("::1:1234", "an IPv6 address is enclosed in brackets", EXAMPLE_IPV6),
            ("[::1:1234", "brackets enclose an IPv6 address", EXAMPLE_IPV6),
            ("[localhost]:1234", "brackets enclose an IPv6 address", EXAMPLE_IPV6),
            ("http://localhost:1234", "a URL is not an address", EXAMPLE),
            ("local\nhost:1234", "an address has no '\\n' in it", EXAMPLE),
        ] {
            for result in [given.parse(), ServerAddress::to_listen_on(given)] {
                assert_eq!(Err(expected(reason, example)), result, "{given:?}");
            }
        }
    }

    #[test]
    fn an_address_to_connect_to_names_one_host_and_a_port_from_1() {
        for (given, reason, example) in [
            (":1234", "the host is missing", EXAMPLE),
            ("1234", "the host is missing", EXAMPLE),
            ("*:1234", "a client connects to one host, not to *", EXAMPLE),
            ("localhost:", "the port is a number from 1 to 65535", EXAMPLE),
            ("localhost:0", "the port is a number from 1 to 65535", EXAMPLE),
            ("localhost:+1", "the port is a number from 1 to 65535", EXAMPLE),
            ("localhost:65536", "the port is a number from 1 to 65535", EXAMPLE),
        ] {
            assert_eq!(Err(expected(reason, example)), given.parse::<ServerAddress>(), "{given:?}");
        }
    }

    #[test]
    fn an_address_to_listen_on_may_have_port_0() {
        assert_eq!(Ok(0), ServerAddress::to_listen_on("[::]:0").map(|address| address.port()));
        for given in ["localhost:", "localhost:+1", "localhost:-1", "localhost:65536"] {
            let error = expected("the port is a number from 0 to 65535", EXAMPLE);
            assert_eq!(Err(error), ServerAddress::to_listen_on(given), "{given:?}");
        }
    }

    #[test]
    fn an_address_to_listen_on_without_a_host_gets_the_addresses_to_choose_from() {
        for (given, reason, port) in [
            (":80", "the host is missing", 80),
            ("0", "the host is missing", 0),
            (":http", "the host is missing", 1234),
            ("*:80", "* is not a host", 80),
            ("*", "* is not a host", 1234),
        ] {
            let error = format!(
                "{reason}; for all addresses of this machine write 0.0.0.0:{port} (IPv4) or \
                 [::]:{port} (IPv6), for this machine alone 127.0.0.1:{port}"
            );
            assert_eq!(Err(error), ServerAddress::to_listen_on(given), "{given:?}");
        }
    }
}
