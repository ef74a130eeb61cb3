//! Load: many clients from one thread, and every delivery of every one of them checked.
//!
//! A [`Crowd`] holds the connections. [`Crowd::fan_out`] saturates a server, [`Crowd::paced`] speaks on a
//! schedule, and [`Crowd::ping_pong`] goes to and fro. [`Churn`] comes and leaves, a [`Storm`] comes all at
//! once, and a [`BadCrowd`] is in the way. What they count is what they have verified: who said it, that it
//! is the next one of that speaker, and each byte of it. Anything else is a [`LoadError`] that says which
//! listener heard what instead of what.
//!
//! [`wire`] is how clients speak, [`measure`] what a process has used meanwhile. The crate needs the protocol and
//! nothing else of this project: it cannot know which server it loads.

mod alarm;
mod bad;
mod churn;
mod connect;
mod crowd;
#[cfg(any(test, feature = "fake"))]
pub mod fake;
mod fan_out;
mod fault;
mod hall;
mod ledger;
pub mod measure;
mod member;
mod message;
mod outbox;
mod pace;
mod reference;
mod storm;
#[cfg(test)]
mod tests;
mod watch;
pub mod wire;

pub use self::bad::{Bad, BadCrowd};
pub use self::churn::{Churn, Churned};
pub use self::connect::{Line, begin, make_room_for};
pub use self::crowd::{Crowd, Shape, Speakers};
pub use self::fan_out::{Extent, FanOut, Rounds, Tally};
pub use self::fault::{Fault, LoadError};
pub use self::member::{Got, read};
pub use self::message::{MESSAGE_BYTES_MIN, SPEAKERS_MAX, Stamp, parse};
pub use self::outbox::Outbox;
pub use self::pace::{Paced, RATE_MAX};
pub use self::storm::{Storm, Storming};
pub use self::watch::{Pace, histogram, nanos};
