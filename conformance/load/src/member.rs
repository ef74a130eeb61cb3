//! Members: a connection under load, and how what it hears is checked.

use std::io::{self, Read};
use std::mem;

use mio::net::TcpStream;

use super::error::Fault;
use super::reference::{Comparison, Reference};
use super::roster::{Ledger, Roster};
use super::stream::Stamp;

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
    Alone(Alone),
    /// By comparison with the reference, up to this offset of it.
    Following(u64),
    /// It only speaks. What it gets are answers, which have only to be well made.
    Deaf(Vec<u8>),
}

/// One who is not compared with anybody.
#[derive(Debug)]
pub(super) struct Alone {
    pub(super) ledger: Ledger,
    /// Something begun and not complete.
    carry: Vec<u8>,
    /// Whether it followed until something came that is no message. It heard no other order then.
    is_interrupted: bool,
}

impl Hearing {
    pub(super) fn new(speakers: usize) -> Self {
        Self::Alone(Alone::new(Ledger::new(speakers), &[]))
    }

    /// Checks what has come, and calls `seen` with every message that is whole now.
    pub(super) fn hear(
        &mut self,
        bytes: &[u8],
        reference: &mut Reference,
        roster: &Roster,
        seen: impl FnMut(Stamp),
    ) -> Result<(), Fault> {
        let offset = match self {
            Self::Following(offset) => offset,
            Self::Alone(alone) => return alone.hear(bytes, roster, seen).map(|_| ()),
            Self::Deaf(carry) => return skip(carry, bytes, roster),
        };
        if reference.follow(*offset, bytes, roster)? == Comparison::Same {
            let from = mem::replace(offset, *offset + bytes.len() as u64);
            reference.between(from, *offset).for_each(seen);
            return Ok(());
        }
        let (ledger, begun) = reference.ledger_at(*offset);
        let mut alone = Alone::new(ledger, begun);
        alone.is_interrupted = alone.hear(bytes, roster, seen)? > 0;
        *self = Self::Alone(alone);
        Ok(())
    }

    /// How many messages are behind this member; `None` while it has not heard every speaker yet.
    /// All are behind one who hears none.
    pub(super) fn heard(&self, reference: &Reference) -> Option<u64> {
        match self {
            Self::Alone(Alone { ledger, .. }) => ledger.is_complete().then(|| ledger.heard()),
            Self::Following(offset) => Some(reference.heard_at(*offset)),
            Self::Deaf(_) => Some(u64::MAX),
        }
    }

    /// Its counters, if it hears.
    pub(super) fn ledger(&self, reference: &Reference) -> Option<Ledger> {
        match self {
            Self::Alone(Alone { ledger, .. }) => Some(ledger.clone()),
            Self::Following(offset) => Some(reference.ledger_at(*offset).0),
            Self::Deaf(_) => None,
        }
    }

    /// Joins the listeners that follow the reference, if it has heard just what they have.
    pub(super) fn fall_in(&mut self, reference: &Reference) {
        if let Self::Alone(Alone { ledger, carry, .. }) = self
            && carry.is_empty()
            && reference.is_whole()
            && ledger == reference.ahead()
        {
            *self = Self::Following(reference.head());
        }
    }

    /// Whether it is alone because it hears another order than whoever hears things first.
    pub(super) fn is_stray(&self) -> bool {
        matches!(self, Self::Alone(Alone { is_interrupted: false, .. }))
    }
}

impl Alone {
    fn new(ledger: Ledger, begun: &[u8]) -> Self {
        Self { ledger, carry: begun.to_vec(), is_interrupted: false }
    }

    /// As [`Hearing::hear`]; returns how many bytes there were that are no message.
    fn hear(
        &mut self,
        bytes: &[u8],
        roster: &Roster,
        mut seen: impl FnMut(Stamp),
    ) -> Result<usize, Fault> {
        let carry = mem::take(&mut self.carry);
        let whole = if carry.is_empty() { bytes } else { &[&carry[..], bytes].concat() };
        let (mut at, mut skipped) = (0, 0);
        loop {
            at += self.ledger.take(&whole[at..], roster, &mut seen)?;
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
fn skip(carry: &mut Vec<u8>, bytes: &[u8], roster: &Roster) -> Result<(), Fault> {
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
pub enum Got {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The end of the stream, or a reset.
    End,
}

/// Reads once.
///
/// # Errors
///
/// Reading fails in another way than by a reset.
pub fn read(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<Got> {
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
