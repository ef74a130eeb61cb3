//! Processes: servers and clients as children, started, awaited, signalled, never left behind.

mod client;
mod error;
mod group;
mod habits;
mod launch;
mod log;
mod server;

pub use self::client::{ClientProcess, Left, Screen};
pub use self::error::StartError;
pub use self::group::kill_all;
pub(crate) use self::group::kill_live;
pub use self::habits::{Habits, User};
pub use self::server::ServerProcess;
