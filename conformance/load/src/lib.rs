//! Load: many clients of a chat server on one thread. Every delivery to every client is checked.
//!
//! A [`Crowd`] holds the connections of honest clients. [`Crowd::fan_out`] saturates a server with
//! a closed loop, [`Crowd::open_loop`] sends on a schedule, and [`Crowd::ping_pong`] measures one
//! round trip after the other. [`Churn`] measures clients that join and leave, a [`Storm`] clients
//! that all connect at once. [`BadClients`] obstruct the server meanwhile.
//!
//! A delivery counts when its sender's name, its number and each byte of it have been checked.
//! Anything wrong is a [`LoadError`] that names the member, what it received and what was expected.
//! A [`StreamChecker`] does the check of the numbers.
//!
//! [`wire`] holds the protocols that clients speak, [`measure`] reads what a process has used. The
//! crate depends on the protocol only, and on no server of this project.
//!
//! # Example
//!
//! ```no_run
//! use load::{Crowd, Extent, FanOut, Shape};
//!
//! # fn main() -> Result<(), load::LoadError> {
//! let server = "127.0.0.1:1234".parse().expect("it is an address");
//! // One speaker and a hundred listeners, with messages of 64 bytes.
//! let mut crowd = Crowd::join(server, &Shape::chat(1, 100, 64))?;
//! let tally = crowd.fan_out(FanOut { extent: Extent::Messages(10_000), in_flight: 256 })?;
//! assert_eq!(10_000 * 100, tally.deliveries);
//! println!("{} deliveries in {:?}", tally.deliveries, tally.elapsed);
//! # Ok(())
//! # }
//! ```

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
