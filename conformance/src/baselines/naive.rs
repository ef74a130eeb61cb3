//! Naive servers of the chat protocol: the designs that programmers usually try before a shared
//! log.
//!
//! They meet level 0 of the protocol and no more: no limit on members, no check of names, no
//! graceful shutdown. All but
//! [`queue`] make one system call for every delivery.
//!
//! | server | what writes to a member | what waits for a member that does not read | what such a member costs |
//! |---|---|---|---|
//! | [`send`] | the thread that reads a message, at once, under the room's lock | all members, for ever | the room |
//! | [`writer`] | a thread of its own, from a channel | its thread | memory, without a bound |
//! | [`channel`] | a task of its own, from a channel | its task | memory, without a bound |
//! | [`queue`] | one loop, from a queue, once per wake-up | nothing | memory, without a bound |
//! | our servers | a loop, a thread or a task, from one log that all members share | the room, for its patience | its connection, which is aborted |
//!
//! A channel or a queue holds reference-counted handles to one pair, and copies no bytes. A server
//! with a log needs neither: a member is a position in the log, and one write carries everything
//! after that position.

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

/// The members by number, each with what is needed to write to it.
struct Room<W>(Mutex<BTreeMap<u64, W>>);

impl<W> Room<W> {
    const fn new() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }

    /// One lock for all members, so all receive the messages in one order.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, W>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `act` for each member but `from`, one after the other, under the lock.
    fn each_other(&self, from: u64, act: impl Fn(&mut W)) {
        for (number, write) in self.lock().iter_mut() {
            if *number != from {
                act(write);
            }
        }
    }
}

/// Starts a thread for every client.
fn for_each_client(
    listener: &TcpListener,
    serve: impl Fn(u64, TcpStream) -> io::Result<()> + Clone + Send + 'static,
) -> io::Result<()> {
    for number in 0.. {
        let (stream, _) = listener.accept()?;
        let serve = serve.clone();
        // An error of one client ends its own connection only.
        thread::Builder::new().spawn(move || serve(number, stream).ok())?;
    }
    Ok(())
}

/// The longest name or message: more than the longest of the load.
const FRAME_MAX: usize = 4 << 20;
const READ_CHUNK: usize = 16 * 1024;
