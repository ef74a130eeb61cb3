//! Outbox: what a speaker has said and the kernel has not taken yet.

use std::io::{self, Write};

use mio::net::TcpStream;

use super::stream::{self, Stamp};
use crate::wire::Dialect;

/// One speaker's numbered messages on their way out.
#[derive(Debug)]
pub struct Outbox {
    speaker: usize,
    name: String,
    /// Bytes of every message.
    size: usize,
    dialect: Dialect,
    /// Number of the message to say next.
    pub next: u64,
    unsent: Vec<u8>,
    /// How much of `unsent` the kernel has taken.
    sent: usize,
    /// Bytes of a message with all around it, once one was said.
    message_len: usize,
}

impl Outbox {
    /// That of a speaker whose messages have `size` bytes each.
    pub(super) fn new(speaker: usize, name: &str, size: usize, dialect: Dialect) -> Self {
        let (name, unsent) = (name.to_owned(), Vec::new());
        Self { speaker, name, size, dialect, next: 0, unsent, sent: 0, message_len: 1 }
    }

    /// Says `count` messages; they leave with the next [`flush`](Self::flush), in as few writes as
    /// the kernel allows.
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

    /// How many more messages it takes until this many bytes are unsent.
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
        // A server that always leaves something may do so for long, so what it took has to go. Moving no more
        // than that keeps the cost of it below that of the writing.
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
    fn it_keeps_no_more_than_twice_what_the_kernel_has_not_taken() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let stream = Blocking::connect(listener.local_addr()?)?;
        let (mut reader, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let mut outbox = Outbox::new(0, "ann", 100_000, Dialect::Chat);
        let mut heard = vec![0; 100_000];
        for _ in 0..300 {
            // As much is said as the sockets took, so that something is always left.
            outbox.flush(&mut stream)?;
            while outbox.backlog() < 1_000_000 {
                outbox.queue(1);
                outbox.flush(&mut stream)?;
            }
            assert!(outbox.sent <= outbox.backlog(), "{} are sent", outbox.sent);
            assert_eq!(0, outbox.room(1_000_000));
            reader.read_exact(&mut heard)?;
        }
        drop(thread::spawn(move || io::copy(&mut reader, &mut io::sink())));
        while outbox.backlog() > 0 {
            outbox.flush(&mut stream)?;
        }
        assert_eq!((0, 2), (outbox.unsent.len(), outbox.room(100_011)));
        Ok(())
    }
}
