//! Load: many clients from one thread, and every delivery of every one of them checked.
//!
//! A [`Crowd`] holds the connections. [`Crowd::fan_out`] saturates a server, [`Crowd::paced`] speaks on a
//! schedule, and [`Crowd::ping_pong`] goes to and fro. [`Churn`] comes and leaves, a [`Storm`] comes all at
//! once, and a [`BadClients`] is in the way. What they count is what they have verified: who said it, that it
//! is the next one of that speaker, and each byte of it. Anything else is a [`LoadError`] that says which
//! listener heard what instead of what.
//!
//! [`wire`] is how clients speak, [`measure`] what a process has used meanwhile. The crate needs the protocol and
//! nothing else of this project: it cannot know which server it loads.

mod bad_clients;
mod churn;
mod connect;
mod crowd;
mod error;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod fan_out;
pub mod measure;
mod member;
mod open_loop;
mod outbox;
mod reference;
mod roster;
mod storm;
mod stream;
mod table;
#[cfg(test)]
mod tests;
mod timer;
mod tracker;
pub mod wire;

pub use self::bad_clients::{BadClients, Misbehaviour};
pub use self::churn::{Churn, ChurnTimes};
pub use self::connect::{ReceiveBuffer, connect_nonblocking, raise_open_files_limit};
pub use self::crowd::{Crowd, Shape, Speakers};
pub use self::error::{LoadError, Violation};
pub use self::fan_out::{Extent, FanOut, Rounds, Tally};
pub use self::member::{ReadOutcome, read_once};
pub use self::open_loop::{OpenLoop, RATE_MAX};
pub use self::outbox::Outbox;
pub use self::storm::{Storm, StormTimes};
pub use self::stream::{MESSAGE_BYTES_MIN, SPEAKERS_MAX, Stamp, StreamChecker, parse};
pub use self::tracker::{Schedule, histogram, nanos};
