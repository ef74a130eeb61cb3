//! Close: every reason for which a connection can end.

use std::io;

use protocol::{FrameError, NameError};
use thiserror::Error;

/// Why a connection ended. Every path through a server ends in exactly one of these.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CloseReason {
    /// The client closed, after whole frames (SPEC CLS-06).
    #[error("left")]
    Left,
    /// The client closed in the middle of a frame, which is dropped (SPEC CLS-04).
    #[error("left in the middle of a frame")]
    LeftMidFrame,
    /// The client closed without having said a name (SPEC HSK-04).
    #[error("left without a name")]
    LeftUnnamed,
    /// The network ended it.
    #[error("the connection was lost: {0}")]
    Lost(io::ErrorKind),
    /// What it sent is not a frame, or one over the limit (SPEC BAD-02, BAD-04).
    #[error("{0}")]
    BadFrame(#[from] FrameError),
    /// Its name is none (SPEC NAM-06).
    #[error("{0}")]
    BadName(#[from] NameError),
    /// It looks like the server's own name (SPEC NAM-04).
    #[error("this name is the server's own: choose another")]
    ReservedName,
    /// It said no name in time (SPEC HSK-08).
    #[error("no name was said in time")]
    NameTimeout,
    /// A frame was begun and not completed in time (SPEC SLO-02).
    #[error("a frame was begun and not completed in time")]
    FrameTimeout,
    /// There are as many clients as the server takes (SPEC RES-09).
    #[error("the room is full: try again later")]
    Full,
    /// The machine has no thread, memory or descriptor for it (SPEC RES-08).
    #[error("the server is out of resources: try again later")]
    Exhausted,
    /// It did not read, and the room could wait no longer (SPEC BPR-01).
    #[error("too slow: it did not read in time")]
    TooSlow,
    /// The server stopped (SPEC SHD-01).
    #[error("the server stopped")]
    Shutdown,
}

/// How a connection is ended, as its reason demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Nothing is owed: the client closed first and has been served.
    Plain,
    /// The reason is told, the server half-closes and reads on for a moment: a reset because of unread
    /// bytes would eat the reason.
    Refusal,
    /// A reset: nobody is waited for.
    Abort,
}

impl CloseReason {
    /// How a connection that ends for this reason is ended.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Left | Self::LeftMidFrame | Self::LeftUnnamed => Ending::Plain,
            Self::Lost(_) | Self::TooSlow => Ending::Abort,
            _ => Ending::Refusal,
        }
    }

    /// What the client is told, in the reserved sender's name. At a shutdown the room tells its members.
    pub fn farewell(&self) -> Option<String> {
        let told = self.ending() == Ending::Refusal && *self != Self::Shutdown;
        told.then(|| self.to_string())
    }

    /// One word for counting.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::LeftMidFrame => "left_mid_frame",
            Self::LeftUnnamed => "left_unnamed",
            Self::Lost(_) => "lost",
            Self::BadFrame(_) => "bad_frame",
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
