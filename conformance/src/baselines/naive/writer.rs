//! Writer: two threads for each client, one that reads and one that writes, and a channel to the second.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use bytes::Bytes;

use super::for_each_client;
use super::frames::Frames;

/// The way to everybody's writer.
type Room = super::Room<Sender<Bytes>>;

/// Serves the clients of `listener`, two threads for each.
///
/// # Errors
///
/// Accepting fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    let room = Arc::new(Room::new());
    for_each_client(listener, move |number, stream| read_loop(&room, number, stream))
}

/// Reads the name, then message after message, and puts each into every other one's channel.
fn read_loop(room: &Room, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frames = Frames::of(stream.try_clone()?);
    let Some(name) = frames.next()? else { return Ok(()) };
    let (say, to_hear) = mpsc::channel();
    thread::Builder::new().spawn(move || write_loop(stream, &to_hear))?;
    room.lock().insert(number, say);
    let outcome = frames.relay_all(&name, |pair| relay(room, number, pair));
    // With the last way into it the channel ends, and with the channel the writer.
    room.lock().remove(&number);
    outcome
}

/// Writes one pair after the other, each in a system call of its own.
fn write_loop(mut stream: TcpStream, to_hear: &Receiver<Bytes>) {
    for pair in to_hear {
        if stream.write_all(&pair).is_err() {
            return;
        }
    }
}

fn relay(room: &Room, from: u64, pair: &Bytes) {
    room.each_other(from, |say| {
        // A writer that has ended is noticed by its reader.
        say.send(pair.clone()).ok();
    });
}
