//! Kinds of hostile clients: what each sends and reads.

use std::fmt;

use clap::ValueEnum;
use load::ReceiveBuffer;

/// What a hostile client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Connects and never sends a name
    Silent,
    /// Sends its name, or a message, one byte at a time
    Dripping,
    /// Announces a frame of 9,999,999,999 bytes
    Giant,
    /// Announces the largest frame accepted, and sends one byte of it
    Promising,
    /// Joins and never reads
    Deaf,
    /// Joins and reads one byte a second
    Trickling,
    /// Resets its connection in the middle of a frame, and connects again
    Breaking,
    /// Connects and closes, again and again
    Churning,
    /// Floods the room with empty messages
    Empties,
    /// Floods the room with the largest messages
    Largest,
    /// All of the above at once
    Mixed,
}

/// How much a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Everything.
    All,
    /// Nothing.
    Nothing,
    /// One byte a second.
    OneBytePerSecond,
}

/// What one hostile client does: that of its kind, which is never [`Kind::Mixed`], and how it
/// differs from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Behaviour {
    pub(super) kind: Kind,
    /// Whether it is one of the few that read. In the kinds that do not read, these also flood, so
    /// that there is something to read.
    pub(super) is_exception: bool,
    /// Its number among the clients of its kind.
    pub(super) number: usize,
}

impl Kind {
    /// All kinds but the mix of them.
    pub(super) const PURE: [Self; 10] = [
        Self::Silent,
        Self::Dripping,
        Self::Giant,
        Self::Promising,
        Self::Deaf,
        Self::Trickling,
        Self::Breaking,
        Self::Churning,
        Self::Empties,
        Self::Largest,
    ];

    /// All kinds, in the order in which they are tried.
    pub(super) fn all() -> Vec<Self> {
        Self::PURE.into_iter().chain([Self::Mixed]).collect()
    }

    /// What client `number` of this kind does.
    pub(super) fn behaviour(self, number: usize) -> Behaviour {
        let (kind, number) = match self {
            Self::Mixed => (Self::PURE[number % Self::PURE.len()], number / Self::PURE.len()),
            pure => (pure, number),
        };
        Behaviour { kind, is_exception: number.is_multiple_of(EXCEPTION_ONE_IN), number }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` applies the width of the column.
        f.pad(&format!("{self:?}").to_lowercase())
    }
}

impl Behaviour {
    pub(super) fn reads(self) -> Reads {
        match self.kind {
            _ if self.is_exception => Reads::All,
            Kind::Deaf | Kind::Empties | Kind::Largest => Reads::Nothing,
            Kind::Trickling => Reads::OneBytePerSecond,
            _ => Reads::All,
        }
    }

    pub(super) fn receive_buffer(self) -> ReceiveBuffer {
        if self.reads() == Reads::All { ReceiveBuffer::Default } else { ReceiveBuffer::Small }
    }

    /// The messages with which it floods the room; `None` if it does not.
    pub(super) fn flood(self) -> Option<FloodMessage> {
        match self.kind {
            Kind::Empties => Some(FloodMessage::Empty),
            Kind::Largest => Some(FloodMessage::Largest),
            Kind::Deaf | Kind::Trickling if self.is_exception => Some(FloodMessage::Largest),
            _ => None,
        }
    }

    /// Whether it joins the room and reads every message.
    pub(super) fn is_audience(self) -> bool {
        let joins = !matches!(self.kind, Kind::Silent | Kind::Giant | Kind::Churning);
        joins && self.reads() == Reads::All
    }
}

/// The messages of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FloodMessage {
    Empty,
    Largest,
}

/// Few enough that the server can deliver the messages of all to those that read.
const EXCEPTION_ONE_IN: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mix_has_every_kind_and_each_kind_has_its_exception() {
        for (number, kind) in Kind::PURE.into_iter().enumerate() {
            let first = Kind::Mixed.behaviour(number);
            assert_eq!(Behaviour { kind, is_exception: true, number: 0 }, first);
            let second = Kind::Mixed.behaviour(number + Kind::PURE.len());
            assert_eq!(Behaviour { kind, is_exception: false, number: 1 }, second);
        }
    }

    #[test]
    fn in_the_kinds_that_do_not_read_the_exception_floods_and_reads() {
        for kind in [Kind::Deaf, Kind::Trickling, Kind::Empties, Kind::Largest] {
            let (exception, other) = (kind.behaviour(0), kind.behaviour(1));
            assert!(exception.flood().is_some() && exception.is_audience(), "{kind}");
            assert!(other.reads() != Reads::All, "{kind}");
        }
    }
}
