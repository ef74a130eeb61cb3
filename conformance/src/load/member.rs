//! Members: the two ends of a connection under load, what it hears and what it says.

use std::io::{self, Read, Write};
use std::mem;

use mio::net::TcpStream;

use super::fault::Fault;
use super::ledger::{Ledger, Roster};
use super::message::{self, Stamp};
use super::reference::{Comparison, Reference};

/// One connection of the crowd.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) stream: TcpStream,
    pub(super) hearing: Hearing,
}

/// How what a member hears is checked.
#[derive(Debug)]
pub(super) enum Hearing {
    /// By its own counters.
    Alone {
        ledger: Ledger,
        /// A pair begun and not complete.
        carry: Vec<u8>,
    },
    /// By comparison with the reference, up to this offset of it.
    Following(u64),
}

impl Hearing {
    pub(super) fn new(speakers: usize) -> Self {
        Self::Alone { ledger: Ledger::new(speakers), carry: Vec::new() }
    }

    /// Checks what has come, and calls `seen` with every message that is whole now.
    pub(super) fn hear(
        &mut self,
        bytes: &[u8],
        reference: &mut Reference,
        roster: &Roster,
        seen: impl FnMut(Stamp),
    ) -> Result<(), Fault> {
        if let Self::Following(offset) = self {
            if reference.follow(*offset, bytes, roster)? == Comparison::Same {
                let from = mem::replace(offset, *offset + bytes.len() as u64);
                reference.between(from, *offset).for_each(seen);
                return Ok(());
            }
            let (ledger, begun) = reference.ledger_at(*offset);
            *self = Self::Alone { ledger, carry: begun.to_vec() };
        }
        let Self::Alone { ledger, carry } = self else { return Ok(()) };
        hear_alone(ledger, carry, bytes, roster, seen)
    }

    /// How many messages are behind this member; `None` while it has not heard every speaker yet.
    pub(super) fn heard(&self, reference: &Reference) -> Option<u64> {
        match self {
            Self::Alone { ledger, .. } => ledger.is_complete().then(|| ledger.heard()),
            Self::Following(offset) => Some(reference.heard_at(*offset)),
        }
    }

    /// Its counters.
    pub(super) fn ledger(&self, reference: &Reference) -> Ledger {
        match self {
            Self::Alone { ledger, .. } => ledger.clone(),
            Self::Following(offset) => reference.ledger_at(*offset).0,
        }
    }

    /// Joins the listeners that follow the reference, if it has heard just what they have.
    pub(super) fn fall_in(&mut self, reference: &Reference) {
        if let Self::Alone { ledger, carry } = self
            && carry.is_empty()
            && ledger == reference.ahead()
        {
            *self = Self::Following(reference.head());
        }
    }
}

fn hear_alone(
    ledger: &mut Ledger,
    carry: &mut Vec<u8>,
    bytes: &[u8],
    roster: &Roster,
    seen: impl FnMut(Stamp),
) -> Result<(), Fault> {
    if carry.is_empty() {
        let taken = ledger.take(bytes, roster, seen)?;
        carry.extend_from_slice(&bytes[taken..]);
    } else {
        carry.extend_from_slice(bytes);
        let taken = ledger.take(carry, roster, seen)?;
        carry.drain(..taken);
    }
    Ok(())
}

/// What a speaker has said and the kernel has not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    /// Number of the message to say next.
    pub(crate) next: u64,
    unsent: Vec<u8>,
    /// How much of `unsent` the kernel has taken.
    sent: usize,
    /// Bytes of a message with its frame, as far as any is unsent.
    frame_len: usize,
}

impl Outbox {
    /// Says `count` messages; they leave with the next [`flush`](Self::flush), in as few writes as
    /// the kernel allows.
    pub(crate) fn say(&mut self, speaker: usize, count: u64, size: usize) {
        for sequence in self.next..self.next + count {
            let start = self.unsent.len();
            self.unsent.extend_from_slice(&protocol::header(size));
            message::append(Stamp { speaker, sequence }, size, &mut self.unsent);
            self.frame_len = self.unsent.len() - start;
        }
        self.next += count;
    }

    /// Bytes that the kernel has not taken yet.
    pub(super) fn backlog(&self) -> usize {
        self.unsent.len() - self.sent
    }

    /// Number of the first message that the kernel has not taken whole.
    pub(super) fn handed(&self) -> u64 {
        self.next - self.backlog().div_ceil(self.frame_len.max(1)) as u64
    }

    /// Writes until all is sent or the kernel takes no more.
    pub(crate) fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        while self.sent < self.unsent.len() {
            match stream.write(&self.unsent[self.sent..]) {
                Ok(taken) => self.sent += taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.unsent.clear();
        self.sent = 0;
        Ok(())
    }
}

/// What one attempt to read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The end of the stream, or a reset.
    End,
}

/// Reads once.
pub(crate) fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Got> {
    match stream.read(buffer) {
        Ok(0) => Ok(Got::End),
        Ok(count) => Ok(Got::Bytes(count)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(Got::Nothing),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ok(Got::End),
            _ => Err(error),
        },
    }
}
