//! Floor: servers that do nothing but pass bytes on. What they cost is the kernel's share and the load's.
//!
//! [`relay`] passes on what each client says to all others, which is the least that a chat server can do;
//! [`blocking`] does so between two clients, which is the least that a question and its answer can take.
//! Their clients speak [`Dialect::Floor`](load::wire::Dialect::Floor): a name that goes to
//! nobody, and then pairs that the speakers make themselves.

mod blocking;
mod member;
mod relay;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use self::blocking::serve as serve_blocking;
pub(crate) use self::relay::serve;
