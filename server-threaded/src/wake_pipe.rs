//! Wake pipe: a wait for sockets that other threads can end.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags};
use server_core::{MemberId, socket};

use crate::connection;
use crate::deliver::Block;

/// Where the delivery thread waits. A thread can wait for sockets only in a poll; a byte in this pipe, which is
/// in the same poll, ends the wait.
pub(crate) struct WakePipe {
    reader: PipeReader,
    writer: PipeWriter,
}

impl WakePipe {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self { reader, writer })
    }

    /// Ends the wait in progress, or the next one. It is called at most once per wait, so the pipe never
    /// fills.
    pub(crate) fn wake(&self) {
        // Both ends of the pipe are here, so it has a reader.
        let _ = (&self.writer).write_all(b"!");
    }

    /// Waits a moment, because the kernel has no memory.
    #[expect(clippy::unused_self, reason = "tests/hand_over.rs has a model that counts the calls")]
    pub(crate) fn back_off(&self) {
        std::thread::sleep(socket::ACCEPT_BACKOFF);
    }

    /// Parks the thread until it is woken or one of these full sockets is writable. Returns the members whose
    /// sockets are.
    pub(crate) fn wait(&self, full: &[(MemberId, Arc<TcpStream>)], block: Block) -> Vec<MemberId> {
        let mut waits = vec![PollFd::new(&self.reader, PollFlags::IN)];
        waits.extend(full.iter().map(|(_, stream)| PollFd::new(stream, PollFlags::OUT)));
        let until = (block == Block::No).then(Instant::now);
        if connection::wait(&mut waits, until).is_err() {
            // The kernel has no memory for the poll at the moment.
            self.back_off();
            return Vec::new();
        }
        if !waits[0].revents().is_empty() {
            // As in `wake`. If a byte is left, the next wait ends too early, which does no harm.
            let _ = (&self.reader).read(&mut [0; 16]);
        }
        let writable = full.iter().zip(&waits[1..]).filter(|(_, wait)| !wait.revents().is_empty());
        writable.map(|((member, _), _)| *member).collect()
    }
}
