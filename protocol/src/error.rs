//! Frame errors: what is wrong with a stream of frames, and where.

use std::fmt;

/// The first fault in a stream of frames. The peer that sent the stream caused it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// Bytes of the stream before the wrong byte; before the header, if no single byte is wrong.
    pub at: u64,
    /// What is wrong there.
    pub fault: FrameFault,
}

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// A byte that is not allowed in its place: neither a digit nor a space, or a digit after the padding began.
    Byte(u8),
    /// Ten spaces: the header contains no number.
    Blank,
    /// A length over the limit.
    TooLong {
        /// The length in the header, in bytes.
        length: u64,
        /// The largest payload accepted, in bytes.
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
