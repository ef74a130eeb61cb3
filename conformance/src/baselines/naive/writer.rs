//! Writer: two threads for each client, one that reads and one that writes, and a channel to the
//! second.

use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use bytes::Bytes;

use super::for_each_client;
use super::frames::Frames;

/// The channels to the writers of all members.
type Room = super::Room<Sender<Bytes>>;

/// Serves the clients of `listener`, two threads for each.
///
/// # Errors
///
/// Accept fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    let room = Arc::new(Room::new());
    for_each_client(listener, move |number, stream| read_loop(&room, number, stream))
}

/// Reads the name, then one message after the other, and puts each into the channel of every other
/// member.
fn read_loop(room: &Room, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frames = Frames::of(stream.try_clone()?);
    let Some(name) = frames.next()? else { return Ok(()) };
    let (sender, pairs) = mpsc::channel();
    thread::Builder::new().spawn(move || write_loop(stream, &pairs))?;
    room.lock().insert(number, sender);
    let outcome = frames.relay_all(&name, |pair| relay(room, number, pair));
    // Without a sender the channel ends, and with it the writer.
    room.lock().remove(&number);
    outcome
}

/// Writes one pair after the other, each with a system call.
fn write_loop(mut stream: TcpStream, pairs: &Receiver<Bytes>) {
    for pair in pairs {
        if stream.write_all(&pair).is_err() {
            return;
        }
    }
}

fn relay(room: &Room, from: u64, pair: &Bytes) {
    room.each_other(from, |sender| {
        // The reader of that member notices that its writer has ended.
        sender.send(pair.clone()).ok();
    });
}
