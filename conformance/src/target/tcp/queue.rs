//! Queue: the number of bytes that a client has sent and the server has not read, as Linux reports
//! it.
//!
//! A request to the kernel about this one connection (`sock_diag(7)`) takes microseconds, however
//! many connections there are. Without an answer, the kernel's table of all connections is read.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// Bytes in the receive queue of the server's socket for this connection. `None` if the server is
/// on another machine, or if this system does not report it.
pub(super) fn unread_by_server((client, server): (SocketAddr, SocketAddr)) -> Option<u64> {
    let (SocketAddr::V4(client), SocketAddr::V4(server)) = (client, server) else { return None };
    ask_kernel(client, server).or_else(|| read_table(client, server))
}

/// Requests it from the kernel.
fn ask_kernel(client: SocketAddrV4, server: SocketAddrV4) -> Option<u64> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let kernel =
        Socket::new(Domain::from(NETLINK), Type::DGRAM, Some(Protocol::from(SOCK_DIAG))).ok()?;
    kernel.set_read_timeout(Some(ANSWER_WITHIN)).ok()?;
    (&kernel).write_all(&request(client, server)).ok()?;
    let mut answer = [0; ANSWER_BYTES];
    let count = (&kernel).read(&mut answer).ok()?;
    unread_in(&answer[..count])
}

/// A netlink header and an `inet_diag_req_v2`: the socket at `server` that is connected to
/// `client`.
fn request(client: SocketAddrV4, server: SocketAddrV4) -> Vec<u8> {
    let mut request = Vec::new();
    request.extend(REQUEST_BYTES.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(NLM_F_REQUEST.to_ne_bytes());
    // Sequence number and sender, which one request does not need.
    request.extend([0; 8]);
    request.extend([AF_INET, IPPROTO_TCP, 0, 0]);
    request.extend(EVERY_STATE.to_ne_bytes());
    request.extend(server.port().to_be_bytes());
    request.extend(client.port().to_be_bytes());
    for end in [server, client] {
        request.extend(end.ip().octets());
        // Padding: the field has space for an IPv6 address.
        request.extend([0; 12]);
    }
    // Any interface, and no cookie.
    request.extend([0; 4]);
    request.extend([0xff; 8]);
    request
}

/// The field `idiag_rqueue` of an `inet_diag_msg`; `None` if the answer is an error.
fn unread_in(answer: &[u8]) -> Option<u64> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let unread = answer.get(UNREAD_AT..UNREAD_AT + 4)?.try_into().ok()?;
    (kind == SOCK_DIAG_BY_FAMILY).then(|| u32::from_ne_bytes(unread).into())
}

/// Reads it from the kernel's table.
fn read_table(client: SocketAddrV4, server: SocketAddrV4) -> Option<u64> {
    let (client, server) = (table_notation(client), table_notation(server));
    // Reading stops at the line, because the kernel is slow to write a long table.
    let table = BufReader::with_capacity(TABLE_CHUNK, File::open("/proc/net/tcp").ok()?);
    table.lines().map_while(Result::ok).find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let ends = (fields.next()?, fields.next()?);
        let queues = fields.nth(1)?;
        let unread = u64::from_str_radix(queues.split_once(':')?.1, 16).ok()?;
        (ends == (server.as_str(), client.as_str())).then_some(unread)
    })
}

/// An address in the notation of the kernel's table: the four bytes as one number in the machine's
/// byte order.
fn table_notation(addr: SocketAddrV4) -> String {
    format!("{:08X}:{:04X}", u32::from_ne_bytes(addr.ip().octets()), addr.port())
}

// Linux's own numbers: netlink(7), sock_diag(7).
const NETLINK: i32 = 16;
const SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLM_F_REQUEST: u16 = 1;
const AF_INET: u8 = 2;
const IPPROTO_TCP: u8 = 6;
const EVERY_STATE: u32 = u32::MAX;
/// 16 of the header, 8 of family, protocol and states, 48 of the connection's ends.
const REQUEST_BYTES: u32 = 72;
/// After the header, 4 bytes, the connection's ends and 4 bytes of a timer.
const UNREAD_AT: usize = 16 + 4 + 48 + 4;
/// More than the kernel reports about one socket.
const ANSWER_BYTES: usize = 1024;
/// The answer is there when the request returns. The deadline bounds an unexpected wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// Few calls for a long table, and little that is read after the line.
const TABLE_CHUNK: usize = 16 * 1024;

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn both_sources_report_the_same() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _server = listener.accept().unwrap();
        client.write_all(b"hello").unwrap();
        let ends = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let (SocketAddr::V4(ours), SocketAddr::V4(theirs)) = ends else { unreachable!() };
        assert_eq!((Some(5), Some(5)), (ask_kernel(ours, theirs), read_table(ours, theirs)));
        assert_eq!(Some(5), unread_by_server(ends));
    }

    #[test]
    fn an_unknown_connection_has_no_queue() {
        let unknown: SocketAddrV4 = "127.0.0.1:1".parse().unwrap();
        assert_eq!((None, None), (ask_kernel(unknown, unknown), read_table(unknown, unknown)));
    }
}
