//! Members: a connection under load, and how what it receives is checked.

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

/// How what a member receives is checked.
#[derive(Debug)]
pub(super) enum Receiver {
    /// It decodes and checks its own stream.
    Decoding(Decoding),
    /// It is compared with the reference, up to this offset of it.
    Following(u64),
    /// It only sends. It receives answers, whose form alone is checked.
    SendOnly(Vec<u8>),
}

/// A receiver with a checker of its own.
#[derive(Debug)]
pub(super) struct Decoding {
    pub(super) checker: StreamChecker,
    /// The first bytes of something that is not complete.
    carry: Vec<u8>,
    /// Whether it followed the reference until something came that is no message. Its order was the
    /// same then.
    is_interrupted: bool,
}

impl Receiver {
    pub(super) fn new(speakers: usize) -> Self {
        Self::Decoding(Decoding::new(StreamChecker::new(speakers), &[]))
    }

    /// Checks bytes that have arrived, and calls `seen` with the stamp of every message that is now
    /// complete.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        reference: &mut Reference,
        roster: &Roster,
        seen: impl FnMut(Stamp),
    ) -> Result<(), Violation> {
        let offset = match self {
            Self::Following(offset) => offset,
            Self::Decoding(decoding) => return decoding.receive(bytes, roster, seen).map(|_| ()),
            Self::SendOnly(carry) => return skip(carry, bytes, roster),
        };
        if reference.follow(*offset, bytes, roster)? == Comparison::Same {
            let from = mem::replace(offset, *offset + bytes.len() as u64);
            reference.between(from, *offset).for_each(seen);
            return Ok(());
        }
        let (checker, begun) = reference.checker_at(*offset);
        let mut decoding = Decoding::new(checker, begun);
        decoding.is_interrupted = decoding.receive(bytes, roster, seen)? > 0;
        *self = Self::Decoding(decoding);
        Ok(())
    }

    /// How many messages this member has received, those before it joined included; `None` before
    /// the first message of every speaker. A member that only sends counts as having received all.
    pub(super) fn passed(&self, reference: &Reference) -> Option<u64> {
        match self {
            Self::Decoding(Decoding { checker, .. }) => {
                checker.is_complete().then(|| checker.passed())
            }
            Self::Following(offset) => Some(reference.passed_at(*offset)),
            Self::SendOnly(_) => Some(u64::MAX),
        }
    }

    /// Its checker; `None` if it only sends.
    pub(super) fn checker(&self, reference: &Reference) -> Option<StreamChecker> {
        match self {
            Self::Decoding(Decoding { checker, .. }) => Some(checker.clone()),
            Self::Following(offset) => Some(reference.checker_at(*offset).0),
            Self::SendOnly(_) => None,
        }
    }

    /// Starts to follow the reference, if it has received exactly what the reference holds.
    pub(super) fn follow_reference(&mut self, reference: &Reference) {
        if let Self::Decoding(Decoding { checker, carry, .. }) = self
            && carry.is_empty()
            && reference.is_whole()
            && checker == reference.checker_at_head()
        {
            *self = Self::Following(reference.head());
        }
    }

    /// Whether it has its own checker because it received messages in another order than the
    /// reference.
    pub(super) fn has_strayed(&self) -> bool {
        matches!(self, Self::Decoding(Decoding { is_interrupted: false, .. }))
    }
}

impl Decoding {
    fn new(checker: StreamChecker, begun: &[u8]) -> Self {
        Self { checker, carry: begun.to_vec(), is_interrupted: false }
    }

    /// As [`Receiver::receive`]; returns how many bytes belonged to no message.
    fn receive(
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

/// Skips everything that is complete, messages too, and keeps the rest.
fn skip(carry: &mut Vec<u8>, bytes: &[u8], roster: &Roster) -> Result<(), Violation> {
    carry.extend_from_slice(bytes);
    let mut rest = &carry[..];
    while let Some((_, after)) = roster.split(rest)? {
        rest = after;
    }
    carry.drain(..carry.len() - rest.len());
    Ok(())
}

/// The result of one read from a non-blocking socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// This many bytes, at least one.
    Bytes(usize),
    /// No byte for now.
    WouldBlock,
    /// EOF, or a reset.
    Eof,
}

/// Reads once. An interrupted read counts as [`ReadOutcome::WouldBlock`].
///
/// # Errors
///
/// The read fails, other than by a reset.
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
