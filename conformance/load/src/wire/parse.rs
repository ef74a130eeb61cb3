//! Parse: the parsers that the dialects share, and their errors.

use protocol::FrameError;
use thiserror::Error;

use super::split::PairRef;

/// Why bytes that a client received are not of its dialect.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DialectError {
    /// They are no frames of the chat protocol.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The server reports an error.
    #[error("the server reports an error: {0}")]
    Reported(String),
    /// A server of this protocol does not send them.
    #[error("'{0}' is not part of this protocol")]
    Foreign(String),
    /// A message is longer than any that was sent.
    #[error("a message of {length} bytes is announced, over the limit of {limit}")]
    TooLong {
        /// Bytes announced.
        length: u64,
        /// Bytes allowed.
        limit: usize,
    },
}

/// The first thing that a client received, and the bytes after it: a message, or something to skip,
/// such as the answer to a message sent. The outer `None` means that it is not complete.
pub(crate) type Next<'a> = Option<(Option<PairRef<'a>>, &'a [u8])>;

/// A message of `length` bytes at the start of `bytes`, and the bytes after it.
pub(super) fn split_text(
    bytes: &[u8],
    length: u64,
    limit: usize,
) -> Result<Split<'_>, DialectError> {
    match usize::try_from(length) {
        Ok(whole) if whole <= limit => Ok(bytes.split_at_checked(whole)),
        _ => Err(DialectError::TooLong { length, limit }),
    }
}

/// The line at the start of `bytes` without its CR LF, and the bytes after it.
pub(super) fn split_line(bytes: &[u8]) -> Result<Split<'_>, DialectError> {
    let sought = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    match sought.windows(LINE_END.len()).position(|end| end == LINE_END) {
        Some(length) => Ok(Some((&bytes[..length], &bytes[length + LINE_END.len()..]))),
        None if sought.len() == LINE_BYTES_MAX => Err(foreign(bytes)),
        None => Ok(None),
    }
}

/// Some bytes and the bytes after them; `None` if they are not complete.
pub(super) type Split<'a> = Option<(&'a [u8], &'a [u8])>;

/// A number in ASCII digits, as every dialect but MQTT spells it.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    let is_plain = digits.iter().all(u8::is_ascii_digit);
    str::from_utf8(digits).ok().filter(|_| is_plain)?.parse().ok()
}

/// How many digits a number has.
pub(super) fn digits(number: usize) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}

/// A message in a dialect without names.
pub(super) fn nameless(text: &[u8]) -> PairRef<'_> {
    PairRef { sender: b"", text }
}

/// The error of bytes that are not part of the protocol, with the first of them.
pub(super) fn foreign(bytes: &[u8]) -> DialectError {
    DialectError::Foreign(excerpt(bytes))
}

pub(super) fn excerpt(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(EXCERPT_BYTES)].escape_ascii().to_string()
}

/// The name of the channel, the subject or the topic.
pub(super) const ROOM: &str = "room";
pub(super) const LINE_END: &[u8] = b"\r\n";
/// The longest line is the INFO of a NATS server, with some hundreds of bytes.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024;
pub(super) const EXCERPT_BYTES: usize = 64;
