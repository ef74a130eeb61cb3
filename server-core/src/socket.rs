//! Socket: the options and system calls that are the same in all three servers.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use bytes::Bytes;
use socket2::SockRef;

use crate::write_batch::{SendBuffer, WriteBatch};

/// Most bytes read from a client at a time. While the room is paused, a session holds up to that many beyond one
/// message.
pub const READ_CHUNK: usize = 16 * 1024;

/// Requested size, in bytes, of the send buffer for a client that has not yet shown that it reads.
pub const SEND_BUFFER_SMALL: usize = 64 * 1024;

/// Requested size, in bytes, of the send buffer for a client that reads all the time.
pub const SEND_BUFFER_LARGE: usize = 512 * 1024;

/// Reads from one client, 64 KiB in all, before its messages are delivered and the other clients have their turn.
pub const READS_PER_TURN: usize = 4;

/// Clients that linger at once after a rejection for want of a place. Each further one is sent the reason and closed at
/// once. They use the descriptors that are reserved beyond the largest number of clients.
pub const LINGERING_MAX: usize = 8;

/// How many members are served, in a tenth of a millisecond, before clients are read again, where one loop or worker
/// does both. What they send in between is included in the round in progress. Once more than half of a large
/// send buffer was `added` to the round (in bytes), clients are not read until it ends, so that a flood waits.
pub fn members_per_turn(added: u64) -> usize {
    if added > ADDED_MAX { usize::MAX } else { MEMBERS_PER_TURN }
}

/// Sends the writes of a batch, each in one system call and without waiting, until the socket does not take one in
/// full. Returns how many bytes it took.
///
/// # Errors
///
/// `WouldBlock` if the socket is full and took nothing. Any other error ends the connection.
pub fn write_batch(connection: &impl AsFd, batch: &WriteBatch) -> io::Result<usize> {
    if let Some(buffer) = batch.buffer() {
        // An error means that the connection is already gone, and the next read reports that.
        let _ = SockRef::from(connection).set_send_buffer_size(send_buffer(buffer));
    }
    let mut taken = 0;
    // Marking the ends of segments makes a large write three times as slow.
    let flags = if batch.is_in_groups() { SEND_FLAGS | END_OF_RECORD } else { SEND_FLAGS };
    for write in batch.writes() {
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

/// Sends the reason to a client that never joined, and half-closes (SPEC CLS-08).
pub fn reject(connection: &impl AsFd, rejection: Option<Bytes>) {
    if let Some(pair) = rejection {
        // Nothing was sent to this client before: the pair fits, or the client is gone.
        let _ = send(connection, &[pair], SEND_FLAGS);
    }
    half_close(connection);
}

/// Discards what a client has sent so far, without waiting, and leaves the socket non-blocking.
///
/// # Errors
///
/// `WouldBlock` if nothing more has arrived.
pub fn discard_input(connection: &impl AsFd) -> io::Result<Discarded> {
    let socket = SockRef::from(connection);
    socket.set_nonblocking(true)?;
    // Not on the stack, where it would cost every parked thread a page.
    let mut chunk = vec![0; DISCARD_CHUNK];
    for _ in 0..DISCARD_READS {
        match retry(|| (&*socket).read(&mut chunk)) {
            Ok(0) => return Ok(Discarded::Eof),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Err(error),
            Err(_) => return Ok(Discarded::Eof),
        }
    }
    Ok(Discarded::Partly)
}

/// How much of a client's input was discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// Not all of it: the client floods, and there may be more at once.
    Partly,
    /// All of it: the client sent EOF, or the connection is gone.
    Eof,
}

/// Half-closes: the client sees EOF after all that was sent, and the server can go on reading.
pub fn half_close(connection: &impl AsFd) {
    // An error means that the connection is already gone.
    let _ = SockRef::from(connection).shutdown(std::net::Shutdown::Write);
}

/// Makes the close that follows a reset: what the client has not read is discarded (SPEC BPR-02).
pub fn reset_on_close(connection: &impl AsFd) {
    // As above.
    let _ = SockRef::from(connection).set_linger(Some(Duration::ZERO));
}

const MEMBERS_PER_TURN: usize = 32;

/// Bytes added to a round after which clients are not read until it ends: half of a large send buffer.
const ADDED_MAX: u64 = SEND_BUFFER_LARGE as u64 / 2;

/// Reads in one call of [`discard_input`], however much a rejected client still sends: the other clients have their turn.
const DISCARD_READS: usize = 64;

const DISCARD_CHUNK: usize = 4096;

/// Non-blocking whatever the socket's mode: the server with threads leaves its sockets in blocking mode.
const SEND_FLAGS: i32 = libc::MSG_DONTWAIT | NO_SIGNAL;

/// No signal if the client is gone. Elsewhere Rust's runtime ignores that signal.
#[cfg(target_os = "linux")]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
#[cfg(not(target_os = "linux"))]
const NO_SIGNAL: i32 = 0;

/// Keeps the bytes of the next write out of this one's last segment (SPEC RLY-12).
#[cfg(target_os = "linux")]
const END_OF_RECORD: i32 = libc::MSG_EOR;
#[cfg(not(target_os = "linux"))]
const END_OF_RECORD: i32 = 0;

/// The size to request for a send buffer, in bytes. Linux reserves twice that, for its own bookkeeping, but no more
/// than twice `net.core.wmem_max`, which is 208 KiB by default.
const fn send_buffer(buffer: SendBuffer) -> usize {
    match buffer {
        SendBuffer::Small => SEND_BUFFER_SMALL,
        SendBuffer::Large => SEND_BUFFER_LARGE,
    }
}

/// Up to this number of slices, a write needs no allocation.
const FEW: usize = 16;
