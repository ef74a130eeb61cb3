//! Floor: servers that only copy bytes. Their cost is the cost of the kernel and of the load.
//!
//! [`relay`] copies what each client sends to all others, which is the least that a chat server can
//! do. [`blocking`] does so between two clients, which is the least that a message and its answer
//! can take. Their clients speak [`Dialect::Floor`](load::wire::Dialect::Floor): a name that is not
//! relayed, and then pairs that the speakers make themselves.

mod blocking;
mod member;
mod relay;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::blocking::serve as serve_blocking;
pub(crate) use self::relay::serve;
