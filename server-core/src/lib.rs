//! Server-core: what the three servers share, which is everything except the concurrency model.
//!
//! Read [`log`] and [`room`] first, then [`session`]: none of them names a socket, a thread or a clock. The
//! others surround them: [`settings`] and [`budget`] hold the limits, [`close`] the reasons for which a connection
//! ends; [`listen`] and [`socket`] make the system calls, [`console`] reads the operator's lines, [`process`] is the
//! program.

pub mod budget;
pub mod close;
pub mod console;
pub mod counters;
mod flow;
mod foreign;
pub mod listen;
pub mod log;
mod member;
mod names;
mod pacing;
pub mod process;
pub mod room;
pub mod session;
pub mod settings;
pub mod shutdown;
pub mod socket;
mod write_batch;

pub use budget::PerClient;
pub use close::{CloseReason, Ending};
pub use foreign::Foreign;
pub use names::{RESERVED, STOPPING, key as name_key};
pub use pacing::STREAMING_BYTES;
pub use process::{Program, run};
pub use room::{JoinError, MemberId, Room, Said, Wake};
pub use session::{Next, Session, rejection};
pub use settings::{Relay, Settings};
pub use shutdown::{Deadlines, Shutdown};
pub use socket::READ_CHUNK;
pub use write_batch::WriteBatch;

// Further crates that the servers use, so that their manifests differ in one line.
pub use bytes;
pub use slab;
