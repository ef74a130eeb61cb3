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
pub(super) enum Ear {
    /// Everything.
    Open,
    /// Nothing.
    Closed,
    /// A byte a second.
    Narrow,
}

/// What one hostile client is: its kind, never [`Kind::Mixed`], and what it does of its own beside that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Character {
    pub(super) kind: Kind,
    /// Whether it is one of the few that speak among those who do not read, so that there is something not to read;
    /// and one of the few that read among those who speak.
    pub(super) is_odd: bool,
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
    pub(super) fn character(self, number: usize) -> Character {
        let (kind, number) = match self {
            Self::Mixed => (Self::PURE[number % Self::PURE.len()], number / Self::PURE.len()),
            pure => (pure, number),
        };
        Character { kind, is_odd: number.is_multiple_of(ODD_ONE_IN), number }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Through `pad`, so that the name can be laid out in columns.
        f.pad(&format!("{self:?}").to_lowercase())
    }
}

impl Character {
    pub(super) fn ear(self) -> Ear {
        match self.kind {
            _ if self.is_odd => Ear::Open,
            Kind::Deaf | Kind::Empties | Kind::Largest => Ear::Closed,
            Kind::Trickling => Ear::Narrow,
            _ => Ear::Open,
        }
    }

    pub(super) fn line(self) -> ReceiveBuffer {
        if self.ear() == Ear::Open { ReceiveBuffer::Default } else { ReceiveBuffer::Small }
    }

    /// What it floods the room with, if it does.
    pub(super) fn flood(self) -> Option<Flood> {
        match self.kind {
            Kind::Empties => Some(Flood::Empties),
            Kind::Largest => Some(Flood::Largest),
            Kind::Deaf | Kind::Trickling if self.is_odd => Some(Flood::Largest),
            _ => None,
        }
    }

    /// Whether it is in the room and gets all that is said there, and reads it.
    pub(super) fn is_audience(self) -> bool {
        let joins = !matches!(self.kind, Kind::Silent | Kind::Giant | Kind::Churning);
        joins && self.ear() == Ear::Open
    }
}

/// What a flood is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flood {
    Empties,
    Largest,
}

/// Few enough that what everybody says can be delivered to those who read.
const ODD_ONE_IN: usize = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mixed_crowd_has_every_kind_and_each_the_odd_one() {
        for (number, kind) in Kind::PURE.into_iter().enumerate() {
            let first = Kind::Mixed.character(number);
            assert_eq!(Character { kind, is_odd: true, number: 0 }, first);
            let second = Kind::Mixed.character(number + Kind::PURE.len());
            assert_eq!(Character { kind, is_odd: false, number: 1 }, second);
        }
    }

    #[test]
    fn where_nobody_reads_somebody_speaks() {
        for kind in [Kind::Deaf, Kind::Trickling, Kind::Empties, Kind::Largest] {
            let (odd, other) = (kind.character(0), kind.character(1));
            assert!(odd.flood().is_some() && odd.is_audience(), "{kind}");
            assert!(other.ear() != Ear::Open, "{kind}");
        }
    }
}
