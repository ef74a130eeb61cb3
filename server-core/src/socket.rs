//! Socket: every option and every call that the three servers make alike.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;

use crate::write_batch::{SendBuffer, WriteBatch};

/// Bytes read from a client at a time, at most: what a session holds beyond one message while the room
/// is paused.
pub const READ_CHUNK: usize = 16 * 1024;

/// Bytes that the kernel is asked to hold for a client that has not shown that it reads.
pub const SEND_BUFFER_SMALL: usize = 64 * 1024;

/// Bytes that the kernel is asked to hold for a client that reads all the time.
pub const SEND_BUFFER_LARGE: usize = 512 * 1024;

/// How often a client is read before what it has said is delivered and the others have their turn: 64 KiB.
pub const READS_PER_TURN: usize = 4;

/// Clients refused for want of a place that are given a moment to read why, at once; one more is told and
/// let go. They live off the descriptors set aside beyond the largest number of clients.
pub const LINGERING_MAX: usize = 8;

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
