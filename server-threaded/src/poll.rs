//! Poll: where threads are parked for sockets, and how other threads end that wait.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::{self, TcpStream};
use std::sync::Arc;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use server_core::{MemberId, listen};

/// Parks the thread until one of these events happens, at most until `until`.
pub(crate) fn wait(events: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<()> {
    let time = until.map(|until| until.saturating_duration_since(Instant::now()));
    let time = time.map(|time| Timespec::try_from(time).expect("a day of seconds fits"));
    match rustix::event::poll(events, time.as_ref()) {
        // A signal meant for another thread: the caller looks again.
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Ends the wait of the thread that reads this client, and every later read. The client does not notice.
pub(crate) fn stop_reading(stream: &TcpStream) {
    // An error means that the connection is gone, and then no thread waits for it.
    let _ = stream.shutdown(net::Shutdown::Read);
}

/// Where the delivery thread waits. A thread can wait for several sockets only in a poll; a byte in this pipe, which
/// is in the same poll, ends the wait.
pub(crate) struct WakePipe {
    reader: PipeReader,
    writer: PipeWriter,
}

/// How long the delivery thread waits for full sockets.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Block {
    /// Not at all.
    No,
    /// Until it is woken.
    UntilWoken,
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

    /// Parks the thread until it is woken or one of these full sockets is writable. Returns the members whose
    /// sockets are.
    pub(crate) fn wait(&self, full: &[(MemberId, Arc<TcpStream>)], block: Block) -> Vec<MemberId> {
        let mut events = vec![PollFd::new(&self.reader, PollFlags::IN)];
        events.extend(full.iter().map(|(_, stream)| PollFd::new(stream, PollFlags::OUT)));
        let until = (block == Block::No).then(Instant::now);
        if wait(&mut events, until).is_err() {
            // The kernel has no memory for the poll at the moment.
            self.back_off();
            return Vec::new();
        }
        if !events[0].revents().is_empty() {
            // As in `wake`. If a byte is left, the next wait ends too early, which does no harm.
            let _ = (&self.reader).read(&mut [0; 16]);
        }
        let writable =
            full.iter().zip(&events[1..]).filter(|(_, event)| !event.revents().is_empty());
        writable.map(|((member, _), _)| *member).collect()
    }

    /// Waits a moment, because the kernel has no memory.
    #[expect(clippy::unused_self, reason = "tests/hand_over.rs has a model that counts the calls")]
    pub(crate) fn back_off(&self) {
        std::thread::sleep(listen::ACCEPT_BACKOFF);
    }
}
