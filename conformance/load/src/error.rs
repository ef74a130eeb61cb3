//! Faults: what a server did wrong, to whom, and what was expected of it.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::wire::DialectError;

/// Why a load ended early. Its figures are void then.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A connection could not be made or used.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done, and for whom.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A member heard something wrong.
    #[error("{member}: {violation}")]
    Violation {
        /// Who heard it, such as `listener 17`.
        member: String,
        /// What was wrong.
        violation: Violation,
    },
    /// The server closed a member's connection while it was needed.
    #[error("{member} was cut off by the server, and had still to hear {missing}")]
    CutOff {
        /// Whose connection it was.
        member: String,
        /// The first thing that did not come.
        missing: String,
    },
    /// Nothing came any more although something should, or not all of it in the time there was.
    #[error("{} ms were waited in vain: {member} had still to hear {missing}", .waited.as_millis())]
    Stalled {
        /// Who is furthest behind.
        member: String,
        /// The first thing that did not come.
        missing: String,
        /// How long it was waited for.
        waited: Duration,
    },
}

impl LoadError {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        |source| Self::Io { doing: doing.into(), source }
    }

    pub(super) fn violation(member: impl Into<String>) -> impl FnOnce(Violation) -> Self {
        |violation| Self::Violation { member: member.into(), violation }
    }
}

/// What was wrong with something heard.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// The stream is not made of frames any more, or not of its protocol; places count from where the
    /// frame begins.
    #[error("a broken frame: {0}")]
    Frame(DialectError),
    /// A message that no speaker said like this: its checksum does not fit, or its length.
    #[error("a damaged message came: \"{text}\"")]
    Damaged {
        /// Its beginning, escaped.
        text: String,
    },
    /// A whole message under the wrong name.
    #[error("a message of speaker {speaker} came under the name \"{sender}\"")]
    Sender {
        /// Who said it.
        speaker: usize,
        /// Who is said to have said it, escaped.
        sender: String,
    },
    /// A whole message that is not the one that comes next: lost, doubled or out of order.
    #[error("of speaker {speaker}, message {expected} was expected, and {got} came")]
    Sequence {
        /// Who said it.
        speaker: usize,
        /// Number of the message that comes next.
        expected: u64,
        /// Number of the message that came.
        got: u64,
    },
}
