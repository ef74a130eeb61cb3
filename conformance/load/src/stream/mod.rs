//! Stream: numbered messages.

mod message;

pub use self::message::{MESSAGE_BYTES_MIN, SPEAKERS_MAX, Stamp, parse};
pub(crate) use self::message::{append, damaged};
