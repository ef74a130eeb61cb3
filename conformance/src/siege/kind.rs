//! Kinds of hostile clients: what each one says, what it reads, and when it comes back.

use std::fmt;

use clap::ValueEnum;
use load::ReceiveBuffer;

/// What a hostile client does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Connects and never says a name
    Silent,
    /// Says one byte of its name, or of a message, at a time
    Dripping,
    /// Announces a frame of 9,999,999,999 bytes
    Giant,
    /// Announces the largest frame there may be, and sends one byte of it
    Promising,
    /// Joins and never reads
    Deaf,
    /// Joins and reads one byte a second
    Trickling,
    /// Breaks the connection off in the middle of a frame, and comes back
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

/// What a client reads of what it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Everything.
    All,
    /// Nothing.
    Nothing,
    /// A byte a second.
    OneBytePerSecond,
}

/// What one hostile client is: its kind, never [`Kind::Mixed`], and what it does of its own beside that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Behaviour {
    pub(super) kind: Kind,
    /// Whether it is one of the few that speak among those who do not read, so that there is something not to read;
    /// and one of the few that read among those who speak.
    pub(super) is_exception: bool,
    /// Its number among its kind.
    pub(super) number: usize,
}

impl Kind {
    /// The kinds that a crowd can be mixed of.
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

    /// All there are, in the order in which they come.
    pub(super) fn all() -> Vec<Self> {
        Self::PURE.into_iter().chain([Self::Mixed]).collect()
    }

    /// What client `number` of a crowd of this kind is.
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
        // Through `pad`, so that the name can be laid out in columns.
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

    pub(super) fn line(self) -> ReceiveBuffer {
        if self.reads() == Reads::All { ReceiveBuffer::Default } else { ReceiveBuffer::Small }
    }

    /// What it floods the room with, if it does.
    pub(super) fn flood(self) -> Option<FloodMessage> {
        match self.kind {
            Kind::Empties => Some(FloodMessage::Empty),
            Kind::Largest => Some(FloodMessage::Largest),
            Kind::Deaf | Kind::Trickling if self.is_exception => Some(FloodMessage::Largest),
            _ => None,
        }
    }

    /// Whether it is in the room and gets all that is said there, and reads it.
    pub(super) fn is_audience(self) -> bool {
        let joins = !matches!(self.kind, Kind::Silent | Kind::Giant | Kind::Churning);
        joins && self.reads() == Reads::All
    }
}

/// What a flood is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FloodMessage {
    Empty,
    Largest,
}

/// Few enough that what everybody says can be delivered to those who read.
const EXCEPTION_ONE_IN: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_crowd_has_every_kind_and_each_the_odd_one() {
        for (number, kind) in Kind::PURE.into_iter().enumerate() {
            let first = Kind::Mixed.behaviour(number);
            assert_eq!(Behaviour { kind, is_exception: true, number: 0 }, first);
            let second = Kind::Mixed.behaviour(number + Kind::PURE.len());
            assert_eq!(Behaviour { kind, is_exception: false, number: 1 }, second);
        }
    }

    #[test]
    fn where_nobody_reads_somebody_speaks() {
        for kind in [Kind::Deaf, Kind::Trickling, Kind::Empties, Kind::Largest] {
            let (odd, other) = (kind.behaviour(0), kind.behaviour(1));
            assert!(odd.flood().is_some() && odd.is_audience(), "{kind}");
            assert!(other.reads() != Reads::All, "{kind}");
        }
    }
}
