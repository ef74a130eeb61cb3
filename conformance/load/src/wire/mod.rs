//! Wire: the bytes of the protocols that a server under load may speak.

mod dialect;
mod mqtt;
mod nats;
mod parse;
mod redis;
mod split;
#[cfg(test)]
mod tests;
mod welcome;

pub use self::dialect::Dialect;
pub use self::parse::DialectError;
pub(crate) use self::parse::Next;
pub use self::split::{PairRef, Split, split_limited_frame, split_pair};
