//! Processes: servers and clients as children, started, awaited, signalled, never left behind.

mod client;
mod conventions;
mod error;
mod group;
mod launch;
mod log;
mod server;

pub use self::client::{ClientEnd, ClientProcess, Stdout};
pub use self::conventions::{Conventions, User};
pub use self::error::StartError;
pub use self::group::kill_all;
pub(crate) use self::group::kill_running;
pub use self::server::ServerProcess;
