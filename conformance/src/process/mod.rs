//! Process: servers and clients as child processes, which end with the test that started them.
//!
//! All child processes under test are started here: in a process group of their own, in a list of
//! those that run, with outputs that are read all the time, and with a deadline on every wait.
//! Dropping one kills its group.

mod client;
mod conventions;
mod error;
mod group;
mod launch;
mod log;
mod output;
mod server;

pub use self::client::{ClientEnd, ClientProcess, Stdout};
pub use self::conventions::{Conventions, User};
pub use self::error::StartError;
pub use self::group::kill_all;
pub(crate) use self::group::kill_running;
pub use self::launch::fill_in_port;
pub use self::server::ServerProcess;
