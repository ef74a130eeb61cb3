//! Errors: what a server did wrong, to which member, and what was expected of it.

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
        /// The operation that failed, and for which member.
        doing: String,
        /// The system's error.
        source: io::Error,
    },
    /// A member received something wrong.
    #[error("{member}: {violation}")]
    Violation {
        /// The member, such as `listener 17`.
        member: String,
        /// What was wrong.
        violation: Violation,
    },
    /// The server closed the connection of a member that had not received everything.
    #[error("the server closed the connection of {member}, which had not received {missing}")]
    Closed {
        /// The member.
        member: String,
        /// The first message that did not come.
        missing: String,
    },
    /// Nothing more came although something should, or not everything came in time.
    #[error("{member} did not receive {missing} within {} ms", .waited.as_millis())]
    Stalled {
        /// The member with the largest lag.
        member: String,
        /// The first message that did not come.
        missing: String,
        /// How long the load waited.
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

/// What is wrong with something that a member received.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Violation {
    /// Bytes that are no frame, or not of the member's dialect. Positions count from the frame's
    /// first byte.
    #[error("a broken frame: {0}")]
    Frame(DialectError),
    /// A message that no speaker sent like this: its checksum or its length is wrong.
    #[error("an altered message came: \"{text}\"")]
    Altered {
        /// Its first bytes, escaped.
        text: String,
    },
    /// An unaltered message under the wrong name.
    #[error("a message of speaker {speaker} came under the name \"{sender}\"")]
    Sender {
        /// The speaker in the message's stamp.
        speaker: usize,
        /// The name before the message, escaped.
        sender: String,
    },
    /// Messages are missing before this one: they are lost, or come later.
    #[error("message {expected} of speaker {speaker} was expected, message {got} came")]
    Gap {
        /// The speaker.
        speaker: usize,
        /// Number of the first missing message.
        expected: u64,
        /// Number of the message that came.
        got: u64,
    },
    /// A message came again.
    #[error("message {got} of speaker {speaker} came again, message {expected} was expected")]
    Duplicated {
        /// The speaker.
        speaker: usize,
        /// Number of the message that comes next.
        expected: u64,
        /// Number of the message that came.
        got: u64,
    },
    /// A message came after a later one of its speaker.
    #[error("message {got} of speaker {speaker} came late, message {expected} was expected")]
    Reordered {
        /// The speaker.
        speaker: usize,
        /// Number of the message that comes next.
        expected: u64,
        /// Number of the message that came.
        got: u64,
    },
}

impl Violation {
    pub(super) fn sender(speaker: usize, sender: &[u8]) -> Self {
        Self::Sender { speaker, sender: sender.escape_ascii().to_string() }
    }
}
