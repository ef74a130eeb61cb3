//! Load: many clients from one thread, and every delivery of every one of them checked.
//!
//! A [`Crowd`] holds the connections. [`Crowd::fan_out`] saturates a server, [`Crowd::paced`] speaks on a
//! schedule, and [`Crowd::ping_pong`] goes to and fro. [`Churn`] comes and leaves, a [`Storm`] comes all at
//! once, and a [`BadCrowd`] is in the way. What they count is what they have verified: who said it, that it
//! is the next one of that speaker, and each byte of it. Anything else is a [`LoadError`] that says which
//! listener heard what instead of what.

mod alarm;
mod bad;
mod churn;
mod connect;
mod crowd;
mod fan_out;
mod fault;
mod hall;
mod ledger;
mod member;
mod message;
mod outbox;
mod pace;
mod reference;
mod storm;
#[cfg(test)]
pub(crate) mod tests;
mod watch;

pub use self::bad::{Bad, BadCrowd};
pub use self::churn::{Churn, Churned};
pub use self::connect::make_room_for;
pub(crate) use self::connect::{Line, begin};
pub(crate) use self::crowd::Speakers;
pub use self::crowd::{Crowd, Shape};
pub use self::fan_out::{Extent, FanOut, Rounds, Tally};
pub use self::fault::{Fault, LoadError};
pub(crate) use self::ledger::{Heard, split_frame, split_pair};
pub(crate) use self::member::{Got, read};
pub(crate) use self::message::parse;
pub use self::message::{MESSAGE_BYTES_MIN, SPEAKERS_MAX};
pub(crate) use self::outbox::Outbox;
pub use self::pace::{Pace, Paced, RATE_MAX};
pub use self::storm::{Storm, Storming};
pub(crate) use self::watch::{histogram, nanos};
