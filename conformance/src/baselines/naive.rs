//! Rungs: naive servers of the chat protocol, each a step that people climb before they come to a log.
//!
//! They speak the protocol and keep level 0, and no more: no limit on members, names as they come, no
//! farewell. All but the last make one system call for every delivery.
//!
//! | rung | who writes to a member | who waits for a member that does not read | what such a member costs |
//! |---|---|---|---|
//! | [`send`] | whoever reads a message, at once, under the room's lock | everybody, for ever | the room |
//! | [`writer`] | a thread of its own, from a channel | nobody | memory, without a bound |
//! | [`channel`] | a task of its own, from a channel | nobody | memory, without a bound |
//! | [`queue`] | one loop, from a queue, once per wake-up | nobody | memory, without a bound |
//! | our servers | a loop, a thread or a task, from one log that all members share | nobody | its place: it is dropped |
//!
//! A message of a channel or a queue is a handle to one pair: it is counted, not copied. A server with a log has
//! neither: a member is a place in the log, and one write carries all that lies behind that place.

mod channel;
mod defect;
mod frames;
mod queue;
mod send;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

pub(crate) use self::channel::serve as serve_channel;
pub(crate) use self::defect::{Defect, serve as serve_defective};
pub(crate) use self::queue::serve as serve_queue;
pub(crate) use self::send::serve as serve_send;
pub(crate) use self::writer::serve as serve_writer;

/// Who is here, by number, and of each what it takes to write to it.
struct Room<W>(Mutex<BTreeMap<u64, W>>);

impl<W> Room<W> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// One lock for all members: so everybody gets the messages in the same order.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does this for everybody but `from`, one after the other, under the lock.
    fn each_other(&self, from: u64, act: impl Fn(&mut W)) {
        for (number, write) in self.lock().iter_mut() {
            if *number != from {
                act(write);
            }
        }
    }
}

/// Gives every client a thread that talks with it.
fn for_each_client(
    listener: &TcpListener,
    talk: impl Fn(u64, TcpStream) -> io::Result<()> + Clone + Send + 'static,
) -> io::Result<()> {
    for number in 0.. {
        let (stream, _) = listener.accept()?;
        let talk = talk.clone();
        // What goes wrong with a client is its own affair: its connection closes, the room goes on.
        thread::Builder::new().spawn(move || talk(number, stream).ok())?;
    }
    Ok(())
}

/// The longest name or message: the load's longest, and some more.
const FRAME_MAX: usize = 4 << 20;
const READ_CHUNK: usize = 16 * 1024;
