//! Connecting: a named connection to the server under load, from ever another loopback address.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::wire::Dialect;

/// Connects with `TCP_NODELAY` on, and joins as one who speaks or as one who only listens.
pub(super) fn connect(
    addr: SocketAddr,
    dialect: Dialect,
    name: &str,
    role: Role,
) -> io::Result<TcpStream> {
    let mut stream = open(addr, ReceiveBuffer::Default)?;
    stream.set_nodelay(true)?;
    stream.write_all(&dialect.hello(name, role == Role::Speaker))?;
    dialect.await_welcome(&mut stream, role == Role::Speaker)?;
    Ok(stream)
}

/// What a member is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// To speak, and in the chat to hear the others too.
    Speaker,
    /// Only to hear.
    Listener,
}

/// How much fits on a connection's way to a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveBuffer {
    /// Whatever the system gives: megabytes.
    Default,
    /// Some ten kilobytes: a server meets the full socket soon, and thousands of them fit in memory.
    Small,
}

/// Connects, and says nothing.
pub(super) fn open(addr: SocketAddr, buffer: ReceiveBuffer) -> io::Result<TcpStream> {
    let socket = bound_socket(addr, buffer)?;
    socket.connect_timeout(&SockAddr::from(addr), CONNECT_WITHIN)?;
    Ok(TcpStream::from(socket))
}

/// Begins to connect, without waiting: the connection refuses to be used until it stands.
///
/// # Errors
///
/// No socket can be had, or the address cannot be reached.
pub fn connect_nonblocking(addr: SocketAddr, buffer: ReceiveBuffer) -> io::Result<TcpStream> {
    let socket = bound_socket(addr, buffer)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&SockAddr::from(addr)) {
        Err(error) if Errno::from_io_error(&error) != Some(Errno::INPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

fn bound_socket(addr: SocketAddr, buffer: ReceiveBuffer) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    if buffer == ReceiveBuffer::Small {
        socket.set_recv_buffer_size(NARROW_BUFFER)?;
        // The other side sizes its send buffer by the largest segment that this side takes.
        socket.set_tcp_mss(NARROW_SEGMENT)?;
    }
    if let Some(source) = source_for(addr) {
        socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
    }
    Ok(socket)
}

/// Raises the limit on open files so that this many connections fit.
///
/// # Errors
///
/// The system does not allow so many, or does not tell.
pub fn raise_open_files_limit(connections: usize) -> io::Result<()> {
    let needed = connections as u64 + DESCRIPTORS_TO_SPARE;
    let limit = rlimit::increase_nofile_limit(needed)?;
    if limit >= needed {
        return Ok(());
    }
    let advice = "raise it (ulimit -Hn) or ask for fewer connections";
    Err(io::Error::other(format!("{needed} open files are needed and {limit} allowed: {advice}")))
}

/// A number that no other crowd of this process has, for names that are never taken.
pub(super) fn fresh_number() -> u32 {
    static CROWDS: AtomicU32 = AtomicU32::new(1);
    CROWDS.fetch_add(1, Ordering::Relaxed)
}

/// The next address to connect from. Ports of closed connections stay taken for a minute, and one
/// address has only some 28,000; on Linux, all of 127.0.0.0/8 is at hand.
fn source_for(addr: SocketAddr) -> Option<Ipv4Addr> {
    static CONNECTIONS: AtomicU32 = AtomicU32::new(0);
    let is_near = matches!(addr.ip(), IpAddr::V4(ip) if ip.is_loopback());
    (cfg!(target_os = "linux") && is_near).then(|| {
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed) % SOURCES;
        Ipv4Addr::from_bits(FIRST_SOURCE.to_bits() + number)
    })
}

/// The program's own files, and the pipes of the servers that it started.
const DESCRIPTORS_TO_SPARE: u64 = 64;
const NARROW_BUFFER: usize = 4096;
/// What every buffer of the internet carries.
const NARROW_SEGMENT: u32 = 536;
const FIRST_SOURCE: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);
const SOURCES: u32 = 1000;
/// An overflowing backlog costs a second for each repeated handshake; this allows for several.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
