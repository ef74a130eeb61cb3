//! Send: the thread that reads a message sends it to all other members at once, under the room's
//! lock.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;

use super::for_each_client;
use super::frames::Frames;

/// The connections of all members.
type Room = super::Room<TcpStream>;

/// Serves the clients of `listener`, a thread for each.
///
/// # Errors
///
/// Accept fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    let room = Arc::new(Room::new());
    for_each_client(listener, move |number, stream| read_loop(&room, number, stream))
}

/// Reads the name, then one message after the other, and sends each to all others before it reads
/// the next.
fn read_loop(room: &Room, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frames = Frames::of(stream.try_clone()?);
    let Some(name) = frames.next()? else { return Ok(()) };
    room.lock().insert(number, stream);
    let outcome = frames.relay_all(&name, |pair| relay(room, number, pair));
    room.lock().remove(&number);
    outcome
}

/// All members wait here for one that does not read.
fn relay(room: &Room, from: u64, pair: &Bytes) {
    room.each_other(from, |stream| {
        // The thread of that member notices that it has left.
        stream.write_all(pair).ok();
    });
}
