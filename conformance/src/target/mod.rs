//! Target: what is under test: how its instances are started, and what one connection to an
//! instance can do.

mod child;
mod command;
mod declared;
mod manifest;
mod memory;
mod model;
mod ours;
mod remote;
mod tcp;

use std::io;
use std::time::Duration;

use thiserror::Error;

pub use self::command::CommandServer;
pub use self::declared::{Declared, EqualNames, SlowPolicy};
pub use self::manifest::{Manifest, ManifestError};
pub use self::memory::MemoryRoom;
pub use self::model::Model;
pub use self::ours::{OurServer, our_command, start_command};
pub use self::remote::RemoteServer;
pub use self::tcp::TcpWire;
use crate::process::{ServerProcess, User};

/// What is under test: it provides an instance for each test.
pub trait Target {
    /// Starts an instance with these flags of ours.
    ///
    /// # Errors
    ///
    /// The target has no such flags, or the instance does not start.
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted>;

    /// Whether it can be started with these flags of ours. Our own servers have all of them; others
    /// declare which.
    fn takes(&self, flags: &[String]) -> bool {
        self.origin() == Origin::Ours || flags.is_empty()
    }

    /// Checks, before the first test, that an instance can be started and reached, so that the
    /// problem is reported once and not by every test.
    ///
    /// # Errors
    ///
    /// No instance can be started or reached.
    fn probe(&self) -> Result<(), NotStarted> {
        self.start(&[]).map(drop)
    }

    /// Whether it is a server of this project, which has our flags and promises every level.
    fn origin(&self) -> Origin;

    /// What it declares when it is started with these flags.
    fn declared(&self, _flags: &[String]) -> Declared {
        Declared::default()
    }

    /// The command that runs one rule again with the same seed.
    fn rerun(&self, id: &str, seed: u64) -> String;
}

/// The authors of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This project.
    Ours,
    /// Others.
    Foreign,
}

/// The reason for which there is no instance to test.
#[derive(Debug, Error)]
pub enum NotStarted {
    /// The target cannot be started in this way, so the test does not apply.
    #[error("{0}")]
    Inapplicable(&'static str),
    /// The start failed.
    #[error("{0}")]
    Failed(String),
}

/// A running server.
pub trait Instance {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// The server does not accept it.
    fn connect(&self) -> io::Result<Box<dyn Wire>>;

    /// How clients reach it.
    fn medium(&self) -> Medium;

    /// Its process, if the suite has started it.
    fn process(&self) -> Option<&ServerProcess> {
        None
    }

    /// Starts another instance of the same target, with these flags of ours in addition.
    ///
    /// # Errors
    ///
    /// The target has no such flags, or the instance does not start.
    fn start_with(&self, _flags: &[&str]) -> Result<Box<dyn Instance>, NotStarted> {
        Err(NotStarted::Inapplicable("it needs flags of this project's servers"))
    }

    /// The reason for which it cannot be ended and started again; `None` if it can.
    fn restart_obstacle(&self) -> Option<&'static str> {
        Some("a server that the suite did not start cannot be restarted")
    }

    /// Ends the server while clients are connected, and starts it again on the same port.
    ///
    /// # Errors
    ///
    /// There is an [obstacle](Self::restart_obstacle), or it does not start again.
    fn restart(&mut self) -> Result<(), NotStarted> {
        self.restart_obstacle().map_or(Ok(()), |reason| Err(NotStarted::Inapplicable(reason)))
    }

    /// As [`restart`](Self::restart), as this user.
    ///
    /// # Errors
    ///
    /// As [`restart`](Self::restart), or this user cannot run it.
    fn restart_as(&mut self, _user: User) -> Result<(), NotStarted> {
        self.restart()
    }

    /// Starts the same command on the port of the running server, and does not wait until it is
    /// ready.
    ///
    /// # Errors
    ///
    /// There is an [obstacle](Self::restart_obstacle), or it cannot be started.
    fn start_beside(&self) -> Result<ServerProcess, NotStarted> {
        let reason = "a server that the suite did not start cannot be started again";
        Err(NotStarted::Inapplicable(self.restart_obstacle().unwrap_or(reason)))
    }

    /// The end of the server's log so far; empty if the suite cannot read it.
    fn log(&self) -> String {
        String::new()
    }
}

/// How clients reach an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// TCP, to a process that ends with the test.
    Process,
    /// TCP, to a server that others use as well, so that the suite must not disturb it.
    Shared,
    /// Function calls; rules about sockets cannot be tested.
    Memory,
}

/// The client's end of one connection.
pub trait Wire {
    /// Writes all bytes, with as few writes as the kernel allows.
    ///
    /// # Errors
    ///
    /// The connection has ended, or the server does not read the bytes in time.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes as many of these bytes as possible without waiting, and returns how many.
    ///
    /// # Errors
    ///
    /// The connection has ended.
    fn try_send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes).map(|()| bytes.len())
    }

    /// Makes the kernel accept as few bytes as possible before the client reads them.
    fn shrink_receive_buffer(&mut self) {}

    /// Waits, without reading, until the connection is reset or closed in both directions; `false`
    /// if that has not happened `within` this time.
    fn wait_for_break(&mut self, _within: Duration) -> bool {
        false
    }

    /// Waits for bytes, and returns at most `most`. [`Received::Silence`] means that none came
    /// `within` this time; with zero, it does not wait.
    fn receive(&mut self, most: usize, within: Duration) -> Received;

    /// Half-closes (FIN). The server can go on sending.
    ///
    /// # Errors
    ///
    /// The connection has ended already.
    fn half_close(&mut self) -> io::Result<()>;

    /// Resets the connection (RST).
    fn reset(&mut self);

    /// Waits until the server has read everything sent so far, so that it reads what is sent next
    /// by itself.
    fn await_read(&mut self, within: Duration) -> Evidence;
}

/// The result of a wait for bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Bytes, at least one.
    Bytes(Vec<u8>),
    /// EOF: the server has closed its side with a FIN.
    Eof,
    /// The connection was reset.
    Reset,
    /// Nothing, within the time given.
    Silence,
}

/// The evidence that the server has read everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The kernel reported an empty receive queue.
    Observed,
    /// None: the kernel did not report, and a pause was made instead.
    Assumed,
}
