//! Socket: every option and every call that the three servers make alike.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use bytes::Bytes;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use tracing::warn;

use crate::write_batch::{SendBuffer, WriteBatch};

/// Bytes read from a client at a time, at most: what a session holds beyond one message while the room
/// is paused.
pub const READ_CHUNK: usize = 16 * 1024;

/// Connections the kernel completes before they are accepted; it cuts this to `net.core.somaxconn`.
pub const BACKLOG: i32 = 4096;

/// Bytes that the kernel is asked to hold for a client that has not shown that it reads.
pub const SEND_BUFFER_SMALL: usize = 64 * 1024;

/// Bytes that the kernel is asked to hold for a client that reads all the time.
pub const SEND_BUFFER_LARGE: usize = 512 * 1024;

/// How long a listener rests after the machine had nothing left for a new connection: long enough not
/// to spin, short enough to recover within a quarter of a second (SPEC RES-02, RES-03).
pub const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);

/// How often a client is read before what it has said is delivered and the others have their turn: 64 KiB.
pub const READS_PER_TURN: usize = 4;

/// Clients refused for want of a place that are given a moment to read why, at once; one more is told and
/// let go. They live off the descriptors set aside beyond the largest number of clients.
pub const LINGERING_MAX: usize = 8;

/// A listening socket on the first of `address`'s addresses that can be had. The address can be used
/// again right after a server's end (SPEC SHD-03). It gets its `options` before it listens, because clients may come
/// at once; connections have them from it.
///
/// # Errors
///
/// The name is unknown, or none of its addresses can be bound: the last one's error.
pub fn bind(address: &str, options: fn(&Socket) -> io::Result<()>) -> io::Result<TcpListener> {
    let mut last = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match listen(address, options) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn listen(address: SocketAddr, options: fn(&Socket) -> io::Result<()>) -> io::Result<TcpListener> {
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
    socket.set_send_buffer_size(send_buffer(SendBuffer::Small))
}

/// How many members are served before clients are read again, where one loop or worker does both: a tenth of a
/// millisecond. What they say meanwhile goes to the rest along with what the round is for; if that is `riding` bytes
/// already, there has been enough of it, and a flood waits for the round to end.
pub fn members_per_turn(riding: u64) -> usize {
    if riding > RIDING_MAX { usize::MAX } else { MEMBERS_PER_TURN }
}

/// Offers a socket one write after the other, each in one system call and without waiting, until it does
/// not take one in full; returns how many bytes it took.
///
/// # Errors
///
/// `WouldBlock` if it takes nothing because it is full; anything else ends the connection.
pub fn write_batch(connection: &impl AsFd, offer: &WriteBatch) -> io::Result<usize> {
    if let Some(buffer) = offer.buffer() {
        // An error means that the connection is gone already, and its first read tells that.
        let _ = SockRef::from(connection).set_send_buffer_size(send_buffer(buffer));
    }
    let mut taken = 0;
    // Ends of segments cost a large write two thirds of its speed.
    let flags = if offer.is_in_groups() { SEND_FLAGS | END_OF_RECORD } else { SEND_FLAGS };
    for write in offer.writes() {
        match send(connection, write, flags) {
            Ok(bytes) => {
                taken += bytes;
                if bytes < write.iter().map(Bytes::len).sum() {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock && taken > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(taken)
}

fn send(connection: &impl AsFd, slices: &[Bytes], flags: i32) -> io::Result<usize> {
    let socket = SockRef::from(connection);
    retry(|| match slices {
        [one] => socket.send_with_flags(one, flags),
        [..] if slices.len() <= FEW => {
            let mut few = [IoSlice::new(&[]); FEW];
            for (place, slice) in few.iter_mut().zip(slices) {
                *place = IoSlice::new(slice);
            }
            socket.send_vectored_with_flags(&few[..slices.len()], flags)
        }
        many => {
            let many: Vec<_> = many.iter().map(|slice| IoSlice::new(slice)).collect();
            socket.send_vectored_with_flags(&many, flags)
        }
    })
}

fn retry<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Tells a client why it is refused, if it was never in, and half-closes (SPEC CLS-08).
pub fn reject(connection: &impl AsFd, rejection: Option<Bytes>) {
    if let Some(pair) = rejection {
        // Nothing was ever sent to it: this fits, or the client is gone.
        let _ = send(connection, &[pair], SEND_FLAGS);
    }
    half_close(connection);
}

/// Throws away what a client has sent so far, without waiting, and leaves the socket non-blocking.
///
/// # Errors
///
/// `WouldBlock` if there is nothing more for now.
pub fn drain(connection: &impl AsFd) -> io::Result<Drained> {
    let socket = SockRef::from(connection);
    socket.set_nonblocking(true)?;
    // Not on the stack, where every parked thread would pay for it.
    let mut chunk = vec![0; DRAIN_CHUNK];
    for _ in 0..DRAIN_READS {
        match retry(|| (&*socket).read(&mut chunk)) {
            Ok(0) => return Ok(Drained::Eof),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(error),
            Err(_) => return Ok(Drained::Eof),
        }
    }
    Ok(Drained::Partly)
}

/// How much of what a client sends has been thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// There may be more at once: it floods.
    Partly,
    /// It has closed, or the connection is gone.
    Eof,
}

/// Half-closes: the client sees the end behind all that was sent, and can be read on.
pub fn half_close(connection: &impl AsFd) {
    // An error means that the connection is gone: there is nothing left to close.
    let _ = SockRef::from(connection).shutdown(std::net::Shutdown::Write);
}

/// Makes the close that follows a reset: what the client has not read is dropped (SPEC BPR-02).
pub fn reset_on_close(connection: &impl AsFd) {
    // As above.
    let _ = SockRef::from(connection).set_linger(Some(Duration::ZERO));
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

const MEMBERS_PER_TURN: usize = 32;

/// Half of what a socket is asked to hold for a member that keeps up.
const RIDING_MAX: u64 = SEND_BUFFER_LARGE as u64 / 2;

/// Reads before the others have their turn, however much a refused client still sends.
const DRAIN_READS: usize = 64;

const DRAIN_CHUNK: usize = 4096;

/// Not waiting whatever the socket's mode: a server with threads leaves its sockets blocking.
const SEND_FLAGS: i32 = libc::MSG_DONTWAIT | NO_SIGNAL;

/// No signal where the client is gone. Elsewhere that is left to Rust's runtime, which ignores it.
#[cfg(target_os = "linux")]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: i32 = 0;

/// The kernel puts nothing of the next write into this one's last segment (SPEC RLY-12).
#[cfg(target_os = "linux")]
const END_OF_RECORD: i32 = libc::MSG_EOR;
#[cfg(not(target_os = "linux"))]
const END_OF_RECORD: i32 = 0;

/// What the kernel is asked to hold. Linux takes twice as much, for its own account of it, but no more than twice
/// `net.core.wmem_max`, which is 208 KiB unless somebody has set it.
const fn send_buffer(buffer: SendBuffer) -> usize {
    match buffer {
        SendBuffer::Small => SEND_BUFFER_SMALL,
        SendBuffer::Large => SEND_BUFFER_LARGE,
    }
}

/// Up to this many slices need no allocation.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_listener_accepts_waits_for_nothing_and_has_a_small_buffer() {
        let listener = bind("127.0.0.1:0", set_listener_options).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        assert!(accepted.nodelay().unwrap());
        let buffer = SockRef::from(&accepted).send_buffer_size().unwrap();
        // Linux sets aside twice what it was asked for.
        assert!([1, 2].map(|times| times * SEND_BUFFER_SMALL).contains(&buffer), "{buffer}");
    }
}
