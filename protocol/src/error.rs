//! Frame errors: what is wrong with a stream, and where.

use std::fmt;

/// Why a stream stopped being frames, and where: the peer's fault, never ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// Bytes from the beginning of the stream to the wrong byte, or to the header's start.
    pub at: u64,
    /// What is wrong there.
    pub fault: FrameFault,
}

/// What can be wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// A byte that no header has at this place: not a digit, not padding, or a digit after a space.
    Byte(u8),
    /// Ten spaces: no number at all.
    Blank,
    /// A length over the limit.
    TooLong {
        /// Bytes announced.
        length: u64,
        /// Bytes allowed.
        limit: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: ", self.at)?;
        match self.fault {
            FrameFault::Byte(byte) => write!(
                f,
                "'{}' cannot stand here; a length header is 10 bytes: digits, padded with spaces",
                byte.escape_ascii()
            ),
            FrameFault::Blank => f.write_str("a length header of ten spaces names no length"),
            FrameFault::TooLong { length, limit } => {
                write!(f, "a frame of {length} bytes is announced, and {limit} is the limit")
            }
        }
    }
}

impl std::error::Error for FrameError {}
