//! Close: the reasons for which a connection can end, and how it ends for each.

use std::io;

use protocol::{FrameError, NameError};
use thiserror::Error;

use crate::foreign::Foreign;

/// Why a connection ended. Every path through a server ends in exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The client sent EOF after whole frames (SPEC CLS-06).
    #[error("left")]
    Left,
    /// The client sent EOF in the middle of a frame, which is discarded (SPEC CLS-04).
    #[error("left in the middle of a frame")]
    LeftMidFrame,
    /// The client sent EOF before it had sent a name (SPEC HSK-04).
    #[error("left without a name")]
    LeftUnnamed,
    /// The network failed, or the client reset the connection.
    #[error("the connection was lost: {0}")]
    Lost(io::ErrorKind),
    /// The client sent something that is no frame, or a frame over the limit (SPEC BAD-02, BAD-04).
    #[error("{0}")]
    BadFrame(#[from] FrameError),
    /// The client's first bytes are those of another protocol (SPEC BAD-03).
    #[error(
        "this port speaks the Trichord chat protocol, not {0}; connect with client-cli, or see protocol/SPEC.md"
    )]
    Foreign(Foreign),
    /// The first frame is not a valid name (SPEC NAM-06).
    #[error("{0}")]
    BadName(#[from] NameError),
    /// The name looks like the server's own (SPEC NAM-04).
    #[error("this name is the server's own: choose another")]
    ReservedName,
    /// The client did not send its name in time (SPEC HSK-08).
    #[error("no name was sent in time")]
    NameTimeout,
    /// The client began a frame and did not complete it in time (SPEC SLO-02).
    #[error("a frame was begun and not completed in time")]
    FrameTimeout,
    /// There are as many clients as the server takes (SPEC RES-09).
    #[error("the room is full: try again later")]
    Full,
    /// The machine has no thread, memory or descriptor for it (SPEC RES-08).
    #[error("the server is out of resources: try again later")]
    Exhausted,
    /// The client did not read, and the room's patience was over (SPEC BPR-01).
    #[error("too slow: it did not read in time")]
    TooSlow,
    /// The server stopped (SPEC SHD-01).
    #[error("the server stopped")]
    Shutdown,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client sent EOF first and was served: half-close and close.
    Plain,
    /// The server sends the reason, half-closes and lingers: closing with unread bytes would reset the connection, and
    /// the client would lose the reason.
    Refusal,
    /// The server resets the connection at once.
    Abort,
}

impl CloseReason {
    /// How a connection with this reason ends.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Left | Self::LeftMidFrame | Self::LeftUnnamed => Ending::Plain,
            Self::Lost(_) | Self::TooSlow => Ending::Abort,
            _ => Ending::Refusal,
        }
    }

    /// The text that the client receives from the reserved sender; `None` if the reason is not sent. At a shutdown the
    /// room notifies its members.
    pub fn message(&self) -> Option<String> {
        match self {
            Self::Shutdown => None,
            // A program that knows no pairs prints the bytes as they are: the line end keeps its prompt apart.
            Self::Foreign(_) => Some(format!("{self}\n")),
            reason => (reason.ending() == Ending::Refusal).then(|| reason.to_string()),
        }
    }

    /// One word for the log and the counters.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::LeftMidFrame => "left_mid_frame",
            Self::LeftUnnamed => "left_unnamed",
            Self::Lost(_) => "lost",
            Self::BadFrame(_) | Self::Foreign(_) => "bad_frame",
            Self::BadName(_) => "bad_name",
            Self::ReservedName => "reserved_name",
            Self::NameTimeout => "name_timeout",
            Self::FrameTimeout => "frame_timeout",
            Self::Full => "full",
            Self::Exhausted => "exhausted",
            Self::TooSlow => "too_slow",
            Self::Shutdown => "shutdown",
        }
    }
}

impl From<io::Error> for CloseReason {
    fn from(error: io::Error) -> Self {
        Self::Lost(error.kind())
    }
}
