//! Parse: what the dialects read by, and why something is none of theirs.

use protocol::FrameError;
use thiserror::Error;

use super::split::PairRef;

/// Why what a client hears is not of its dialect.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DialectError {
    /// No frames of the chat protocol.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The server says that something went wrong.
    #[error("the server refuses: {0}")]
    Refused(String),
    /// Something that this server does not say to such a client.
    #[error("'{0}' is nothing that a client hears in this protocol")]
    Foreign(String),
    /// A message longer than any that was sent.
    #[error("a message of {length} bytes is announced, and {limit} is the limit")]
    TooLong {
        /// Bytes announced.
        length: u64,
        /// Bytes allowed.
        limit: usize,
    },
}

/// The next thing in what a client hears, and the bytes behind it: a message, or something to be
/// skipped, such as the answer to a message sent. The outer `None` means that it is not complete.
pub(crate) type Next<'a> = Option<(Option<PairRef<'a>>, &'a [u8])>;

/// A message of `length` bytes at the start of `bytes`, and those behind it.
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

/// The line at the start of `bytes` without its end, and the bytes behind it.
pub(super) fn split_line(bytes: &[u8]) -> Result<Split<'_>, DialectError> {
    let sought = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    match sought.windows(LINE_END.len()).position(|end| end == LINE_END) {
        Some(length) => Ok(Some((&bytes[..length], &bytes[length + LINE_END.len()..]))),
        None if sought.len() == LINE_BYTES_MAX => Err(foreign(bytes)),
        None => Ok(None),
    }
}

/// Some bytes and those behind them; `None` if they are not complete.
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

/// A message as a dialect without names gives it.
pub(super) fn nameless(text: &[u8]) -> PairRef<'_> {
    PairRef { sender: b"", text }
}

/// Says that these bytes do not belong here, by the first of them.
pub(super) fn foreign(bytes: &[u8]) -> DialectError {
    DialectError::Foreign(excerpt(bytes))
}

pub(super) fn excerpt(bytes: &[u8]) -> String {
    bytes[..bytes.len().min(EXCERPT_BYTES)].escape_ascii().to_string()
}

/// Where all meet: the channel, the subject, or the topic.
pub(super) const ROOM: &str = "room";
pub(super) const LINE_END: &[u8] = b"\r\n";
/// The longest line is what a NATS server tells of itself, some hundreds of bytes.
pub(super) const LINE_BYTES_MAX: usize = 16 * 1024;
pub(super) const EXCERPT_BYTES: usize = 64;
