//! Outbox: the messages of a speaker that the kernel has not taken yet.

use std::io::{self, Write};

use mio::net::TcpStream;

use super::stream::{self, Stamp};
use crate::wire::Dialect;

/// The numbered messages that one speaker sends.
///
/// [`queue`](Self::queue) makes messages, [`flush`](Self::flush) writes them; flush again when the
/// socket is writable.
#[derive(Debug)]
pub struct Outbox {
    speaker: usize,
    name: String,
    /// Bytes of every message.
    size: usize,
    dialect: Dialect,
    /// Number of the message that is queued next.
    pub next: u64,
    unsent: Vec<u8>,
    /// How much of `unsent` the kernel has taken.
    sent: usize,
    /// Bytes of a message on the wire; 1 before the first one.
    message_len: usize,
}

impl Outbox {
    /// The outbox of a speaker whose messages have `size` bytes each.
    pub(super) fn new(speaker: usize, name: &str, size: usize, dialect: Dialect) -> Self {
        let (name, unsent) = (name.to_owned(), Vec::new());
        Self { speaker, name, size, dialect, next: 0, unsent, sent: 0, message_len: 1 }
    }

    /// Makes the next `count` messages. The next [`flush`](Self::flush) writes them, in as few
    /// writes as the kernel allows.
    pub fn queue(&mut self, count: u64) {
        for sequence in self.next..self.next + count {
            let start = self.unsent.len();
            self.dialect.begin_message(&self.name, self.size, &mut self.unsent);
            let stamp = Stamp { speaker: self.speaker, sequence };
            stream::append(stamp, self.size, &mut self.unsent);
            self.dialect.end_message(&mut self.unsent);
            self.message_len = self.unsent.len() - start;
        }
        self.next += count;
    }

    /// How many more messages fit until this many bytes are unsent.
    pub(super) fn room(&self, bytes_max: usize) -> u64 {
        bytes_max.saturating_sub(self.backlog()).div_ceil(self.message_len) as u64
    }

    /// Writes until all is sent or the kernel takes no more.
    ///
    /// # Errors
    ///
    /// Writing fails.
    pub fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        while self.sent < self.unsent.len() {
            match stream.write(&self.unsent[self.sent..]) {
                Ok(taken) => self.sent += taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        // A server that reads slowly may never let the outbox become empty, so the bytes sent are
        // removed before that. At most as many bytes are moved as were sent, so moving costs less
        // than writing.
        if self.sent >= self.backlog() {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }

    /// Bytes that the kernel has not taken yet.
    fn backlog(&self) -> usize {
        self.unsent.len() - self.sent
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream as Blocking};
    use std::thread;

    use super::*;

    #[test]
    fn it_keeps_at_most_twice_the_bytes_that_the_kernel_has_not_taken() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = Blocking::connect(listener.local_addr()?)?;
        let (mut reader, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let mut outbox = Outbox::new(0, "ann", 100_000, Dialect::Chat);
        let mut received = vec![0; 100_000];
        for _ in 0..300 {
            // As many bytes are queued as the sockets took, so that some are always unsent.
            outbox.flush(&mut stream)?;
            while outbox.backlog() < 1_000_000 {
                outbox.queue(1);
                outbox.flush(&mut stream)?;
            }
            assert!(outbox.sent <= outbox.backlog(), "{} are sent", outbox.sent);
            assert_eq!(0, outbox.room(1_000_000));
            reader.read_exact(&mut received)?;
        }
        drop(thread::spawn(move || io::copy(&mut reader, &mut io::sink())));
        while outbox.backlog() > 0 {
            outbox.flush(&mut stream)?;
        }
        assert_eq!((0, 2), (outbox.unsent.len(), outbox.room(100_011)));
        Ok(())
    }
}
