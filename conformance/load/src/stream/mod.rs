//! Stream: numbered messages, and what one receiver checks them by. It knows no socket and no
//! clock.

mod checker;
mod message;

pub use self::checker::StreamChecker;
pub use self::message::{MESSAGE_BYTES_MIN, SPEAKERS_MAX, Stamp, parse};
pub(crate) use self::message::{altered, append};
