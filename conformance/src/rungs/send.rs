//! Send: whoever reads a message sends it to everybody at once, under the room's lock.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::frames::Frames;
use super::{for_each_client, pair};

/// Everybody's connection.
#[derive(Default)]
struct Room(Mutex<BTreeMap<u64, TcpStream>>);

/// Serves the clients of `listener`, a thread for each.
///
/// # Errors
///
/// Accepting fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    let room = Arc::new(Room::default());
    for_each_client(listener, move |number, stream| talk(&room, number, stream))
}

/// Reads the name, then message after message, and sends each on before it reads the next.
fn talk(room: &Room, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frames = Frames::of(stream.try_clone()?);
    let Some(name) = frames.next()? else { return Ok(()) };
    room.lock().insert(number, stream);
    let outcome = room.relay_all(number, &name, &mut frames);
    room.lock().remove(&number);
    outcome
}

impl Room {
    fn relay_all(&self, from: u64, name: &[u8], frames: &mut Frames) -> io::Result<()> {
        while let Some(text) = frames.next()? {
            self.relay(from, &pair(name, &text));
        }
        Ok(())
    }

    /// Everybody waits here for whoever does not read.
    fn relay(&self, from: u64, pair: &Bytes) {
        for (number, mut stream) in self.lock().iter() {
            if *number != from {
                // Who has left is noticed by its own thread.
                stream.write_all(pair).ok();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
