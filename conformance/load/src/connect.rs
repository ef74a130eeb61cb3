//! Connecting: sockets to the server under load, each from another loopback address.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::wire::Dialect;

/// Connects with `TCP_NODELAY`, and joins as a speaker or as a listener.
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

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It sends messages. In the chat it also receives those of the others.
    Speaker,
    /// It only receives.
    Listener,
}

/// How many bytes a server can send to a client that does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveBuffer {
    /// As many as the system allows: megabytes.
    Default,
    /// Some ten kilobytes. A server soon has a full socket, and thousands of such clients fit in
    /// memory.
    Small,
}

/// Connects, and sends nothing.
pub(super) fn open(addr: SocketAddr, buffer: ReceiveBuffer) -> io::Result<TcpStream> {
    let socket = bound_socket(addr, buffer)?;
    socket.connect_timeout(&SockAddr::from(addr), CONNECT_WITHIN)?;
    Ok(TcpStream::from(socket))
}

/// Starts to connect and returns at once. Until the connection is established, reads and writes
/// fail.
///
/// # Errors
///
/// No socket can be created, or the address cannot be reached.
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
        socket.set_recv_buffer_size(SMALL_BUFFER)?;
        // The server's kernel sizes its send buffer by the largest segment that this side accepts.
        socket.set_tcp_mss(SMALL_SEGMENT)?;
    }
    if let Some(source) = source_for(addr) {
        socket.bind(&SockAddr::from(SocketAddr::from((source, 0))))?;
    }
    Ok(socket)
}

/// Raises the process's limit on open files so that this many connections fit.
///
/// # Errors
///
/// The system does not allow so many, or does not report its limit.
pub fn raise_open_files_limit(connections: usize) -> io::Result<()> {
    let needed = connections as u64 + DESCRIPTORS_TO_SPARE;
    let limit = rlimit::increase_nofile_limit(needed)?;
    if limit >= needed {
        return Ok(());
    }
    let advice = "raise it (ulimit -Hn) or ask for fewer connections";
    Err(io::Error::other(format!("{needed} open files are needed and {limit} allowed: {advice}")))
}

/// A number that this process has not used before, for names that are never taken.
pub(super) fn fresh_number() -> u32 {
    static NUMBERS: AtomicU32 = AtomicU32::new(1);
    NUMBERS.fetch_add(1, Ordering::Relaxed)
}

/// The next address to connect from. The port of a closed connection stays taken for a minute, and
/// one address has only some 28,000 ports. On Linux, all of 127.0.0.0/8 can be used.
fn source_for(addr: SocketAddr) -> Option<Ipv4Addr> {
    static CONNECTIONS: AtomicU32 = AtomicU32::new(0);
    let is_loopback = matches!(addr.ip(), IpAddr::V4(ip) if ip.is_loopback());
    (cfg!(target_os = "linux") && is_loopback).then(|| {
        let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed) % SOURCES;
        Ipv4Addr::from_bits(FIRST_SOURCE.to_bits() + number)
    })
}

/// The program's own files, and the pipes of the servers that it started.
const DESCRIPTORS_TO_SPARE: u64 = 64;
const SMALL_BUFFER: usize = 4096;
/// Every link of the internet carries a segment of this size.
const SMALL_SEGMENT: u32 = 536;
const FIRST_SOURCE: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);
const SOURCES: u32 = 1000;
/// When a backlog overflows, the kernel repeats the handshake after 1 s, then after 2 s, and so on.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
