//! Members: a connection under load, and how what it hears is checked.

use std::io::{self, Read};
use std::mem;

use mio::net::TcpStream;

use super::error::Violation;
use super::reference::{Comparison, Reference};
use super::roster::Roster;
use super::stream::{Stamp, StreamChecker};

/// One connection of the crowd.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) stream: TcpStream,
    pub(super) receiver: Receiver,
}

/// How what a member hears is checked.
#[derive(Debug)]
pub(super) enum Receiver {
    /// By its own counters.
    Decoding(Decoding),
    /// By comparison with the reference, up to this offset of it.
    Following(u64),
    /// It only speaks. What it gets are answers, which have only to be well made.
    SendOnly(Vec<u8>),
}

/// One who is not compared with anybody.
#[derive(Debug)]
pub(super) struct Decoding {
    pub(super) checker: StreamChecker,
    /// Something begun and not complete.
    carry: Vec<u8>,
    /// Whether it followed until something came that is no message. It heard no other order then.
    is_interrupted: bool,
}

impl Receiver {
    pub(super) fn new(speakers: usize) -> Self {
        Self::Decoding(Decoding::new(StreamChecker::new(speakers), &[]))
    }

    /// Checks what has come, and calls `seen` with every message that is whole now.
    pub(super) fn hear(
        &mut self,
        bytes: &[u8],
        reference: &mut Reference,
        roster: &Roster,
        seen: impl FnMut(Stamp),
    ) -> Result<(), Violation> {
        let offset = match self {
            Self::Following(offset) => offset,
            Self::Decoding(alone) => return alone.hear(bytes, roster, seen).map(|_| ()),
            Self::SendOnly(carry) => return skip(carry, bytes, roster),
        };
        if reference.follow(*offset, bytes, roster)? == Comparison::Same {
            let from = mem::replace(offset, *offset + bytes.len() as u64);
            reference.between(from, *offset).for_each(seen);
            return Ok(());
        }
        let (checker, begun) = reference.checker_at(*offset);
        let mut alone = Decoding::new(checker, begun);
        alone.is_interrupted = alone.hear(bytes, roster, seen)? > 0;
        *self = Self::Decoding(alone);
        Ok(())
    }

    /// How many messages are behind this member; `None` while it has not heard every speaker yet.
    /// All are behind one who hears none.
    pub(super) fn heard(&self, reference: &Reference) -> Option<u64> {
        match self {
            Self::Decoding(Decoding { checker, .. }) => {
                checker.is_complete().then(|| checker.passed())
            }
            Self::Following(offset) => Some(reference.heard_at(*offset)),
            Self::SendOnly(_) => Some(u64::MAX),
        }
    }

    /// Its counters, if it hears.
    pub(super) fn checker(&self, reference: &Reference) -> Option<StreamChecker> {
        match self {
            Self::Decoding(Decoding { checker, .. }) => Some(checker.clone()),
            Self::Following(offset) => Some(reference.checker_at(*offset).0),
            Self::SendOnly(_) => None,
        }
    }

    /// Joins the listeners that follow the reference, if it has heard just what they have.
    pub(super) fn follow_reference(&mut self, reference: &Reference) {
        if let Self::Decoding(Decoding { checker, carry, .. }) = self
            && carry.is_empty()
            && reference.is_whole()
            && checker == reference.ahead()
        {
            *self = Self::Following(reference.head());
        }
    }

    /// Whether it is alone because it hears another order than whoever hears things first.
    pub(super) fn is_stray(&self) -> bool {
        matches!(self, Self::Decoding(Decoding { is_interrupted: false, .. }))
    }
}

impl Decoding {
    fn new(checker: StreamChecker, begun: &[u8]) -> Self {
        Self { checker, carry: begun.to_vec(), is_interrupted: false }
    }

    /// As [`Receiver::hear`]; returns how many bytes there were that are no message.
    fn hear(
        &mut self,
        bytes: &[u8],
        roster: &Roster,
        mut seen: impl FnMut(Stamp),
    ) -> Result<usize, Violation> {
        let carry = mem::take(&mut self.carry);
        let whole = if carry.is_empty() { bytes } else { &[&carry[..], bytes].concat() };
        let (mut at, mut skipped) = (0, 0);
        loop {
            at += roster.check(&whole[at..], &mut self.checker, &mut seen)?;
            let others = roster.skip_others(&whole[at..])?;
            if others == 0 {
                break;
            }
            (at, skipped) = (at + others, skipped + others);
        }
        self.carry.extend_from_slice(&whole[at..]);
        Ok(skipped)
    }
}

/// Skips whatever is whole, messages too, and keeps the rest.
fn skip(carry: &mut Vec<u8>, bytes: &[u8], roster: &Roster) -> Result<(), Violation> {
    carry.extend_from_slice(bytes);
    let mut rest = &carry[..];
    while let Some((_, behind)) = roster.split(rest)? {
        rest = behind;
    }
    carry.drain(..carry.len() - rest.len());
    Ok(())
}

/// What one attempt to read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    WouldBlock,
    /// The end of the stream, or a reset.
    Eof,
}

/// Reads once.
///
/// # Errors
///
/// Reading fails in another way than by a reset.
pub fn read_once(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<ReadOutcome> {
    match stream.read(buffer) {
        Ok(0) => Ok(ReadOutcome::Eof),
        Ok(count) => Ok(ReadOutcome::Bytes(count)),
        Err(error) => match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(ReadOutcome::WouldBlock),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ok(ReadOutcome::Eof),
            _ => Err(error),
        },
    }
}
