//! Send: whoever reads a message sends it to everybody at once, under the room's lock.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use bytes::Bytes;

use super::for_each_client;
use super::frames::Frames;

/// Everybody's connection.
type Room = super::Room<TcpStream>;

/// Serves the clients of `listener`, a thread for each.
///
/// # Errors
///
/// Accepting fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    let room = Arc::new(Room::new());
    for_each_client(listener, move |number, stream| talk(&room, number, stream))
}

/// Reads the name, then message after message, and sends each on before it reads the next.
fn talk(room: &Room, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frames = Frames::of(stream.try_clone()?);
    let Some(name) = frames.next()? else { return Ok(()) };
    room.lock().insert(number, stream);
    let outcome = frames.relay_all(&name, |pair| relay(room, number, pair));
    room.lock().remove(&number);
    outcome
}

/// Everybody waits here for whoever does not read.
fn relay(room: &Room, from: u64, pair: &Bytes) {
    room.each_other(from, |stream| {
        // Who has left is noticed by its own thread.
        stream.write_all(pair).ok();
    });
}
