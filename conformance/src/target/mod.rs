//! What is under test: how a server is started, and what one connection to it can do.

mod command;
mod declared;
mod manifest;
mod memory;
mod model;
mod ours;
mod remote;
mod running;
mod tcp;

use std::io;
use std::time::Duration;

use thiserror::Error;

pub use self::command::CommandServer;
pub use self::declared::{Declared, EqualNames, SlowPolicy};
pub use self::manifest::{Manifest, ManifestError};
pub use self::memory::MemoryRoom;
pub use self::model::Model;
pub use self::ours::{OurServer, our_command, started};
pub use self::remote::RemoteServer;
pub use self::tcp::TcpWire;
use crate::process::{ServerProcess, User};

/// Something that can be asked for a fresh server, once per test.
pub trait Subject {
    /// A server that nobody has talked to yet, started with these flags of ours.
    ///
    /// # Errors
    ///
    /// It cannot be had with these flags, or it did not come up.
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted>;

    /// Whether it can be started with these flags of ours. Ours can with all; of others it is known from
    /// what they declare.
    fn takes(&self, flags: &[String]) -> bool {
        self.origin() == Origin::Ours || flags.is_empty()
    }

    /// Finds out, before the first test, whether there is a server at all: told once here, it need not
    /// be told by every test.
    ///
    /// # Errors
    ///
    /// There is none; nothing is known about it then.
    fn probe(&self) -> Result<(), NotStarted> {
        self.start(&[]).map(drop)
    }

    /// Whether the server is one of this project: it knows our flags and promises every level.
    fn origin(&self) -> Origin;

    /// What the server declares when it is started with these flags; nothing, unless it is known.
    fn declared(&self, _flags: &[String]) -> Declared {
        Declared::default()
    }

    /// The command that runs one row again with the same seed.
    fn rerun(&self, id: &str, seed: u64) -> String;
}

/// Who wrote the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This project.
    Ours,
    /// Anybody else.
    Foreign,
}

/// Why there is no server to test.
#[derive(Debug, Error)]
pub enum NotStarted {
    /// It cannot be had in this way: the test does not apply.
    #[error("{0}")]
    Inapplicable(&'static str),
    /// It should have come up and did not.
    #[error("{0}")]
    Failed(String),
}

/// A running server.
pub trait Target {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// The server does not accept it.
    fn connect(&self) -> io::Result<Box<dyn Wire>>;

    /// Over what clients reach it.
    fn medium(&self) -> Medium;

    /// Its process, if it is one of the suite's own.
    fn process(&self) -> Option<&ServerProcess> {
        None
    }

    /// Starts another server of the same kind, with these flags of ours besides.
    ///
    /// # Errors
    ///
    /// It cannot be had with these flags, or it did not come up.
    fn start_with(&self, _flags: &[&str]) -> Result<Box<dyn Target>, NotStarted> {
        Err(NotStarted::Inapplicable("it needs flags of this project's servers"))
    }

    /// Why the server cannot be ended and started again, if it cannot.
    fn restart_obstacle(&self) -> Option<&'static str> {
        Some("a server that the suite did not start cannot be restarted")
    }

    /// Ends the server and starts it again at the same place, with clients still connected.
    ///
    /// # Errors
    ///
    /// There is an [obstacle](Self::restart_obstacle), or it does not come up again.
    fn restart(&mut self) -> Result<(), NotStarted> {
        self.restart_obstacle().map_or(Ok(()), |reason| Err(NotStarted::Inapplicable(reason)))
    }

    /// As [`restart`](Self::restart), for this user.
    ///
    /// # Errors
    ///
    /// As [`restart`](Self::restart); or that user may not run it.
    fn restart_as(&mut self, _user: User) -> Result<(), NotStarted> {
        self.restart()
    }

    /// Starts the same command on the same port beside the running server, and does not wait for what
    /// becomes of it.
    ///
    /// # Errors
    ///
    /// There is an [obstacle](Self::restart_obstacle), or it cannot be started.
    fn start_beside(&self) -> Result<ServerProcess, NotStarted> {
        let reason = "a server that the suite did not start cannot be started again";
        Err(NotStarted::Inapplicable(self.restart_obstacle().unwrap_or(reason)))
    }

    /// The end of what the server has logged so far; empty if that is not known.
    fn log(&self) -> String {
        String::new()
    }
}

/// Over what clients reach a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// TCP, to a process that ends with the test.
    Process,
    /// TCP, to a server that serves other tests too, and so has to be left in peace.
    Shared,
    /// Function calls: nothing that takes a socket to see can be seen.
    Memory,
}

/// One connection, seen from the client's side.
pub trait Wire {
    /// Writes all bytes, in one write as far as the kernel takes them.
    ///
    /// # Errors
    ///
    /// The connection has ended, or the server has not taken the bytes for too long.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Writes as many of these bytes as are taken without waiting, and returns how many.
    ///
    /// # Errors
    ///
    /// The connection has ended.
    fn try_send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes).map(|()| bytes.len())
    }

    /// From here on takes as little as the kernel allows before it is read.
    fn shrink_receive_buffer(&mut self) {}

    /// Waits, without reading, until the connection is broken off; whether that was seen in time.
    fn wait_for_break(&mut self, _within: Duration) -> bool {
        false
    }

    /// Waits for at most `most` bytes. Silence means that `within` is over, or that nothing can come any
    /// more; with zero it only looks.
    fn receive(&mut self, most: usize, within: Duration) -> Received;

    /// Says that nothing more will be sent (FIN); reading goes on.
    ///
    /// # Errors
    ///
    /// The connection has ended already.
    fn half_close(&mut self) -> io::Result<()>;

    /// Breaks the connection off (RST).
    fn reset(&mut self);

    /// Waits until the server has read everything sent so far, so that what is sent next comes to it
    /// as a piece of its own.
    fn await_read(&mut self, within: Duration) -> Evidence;
}

/// What waiting for bytes brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// Bytes, at least one.
    Bytes(Vec<u8>),
    /// The server has closed its side in order.
    Eof,
    /// The connection was broken off.
    Reset,
    /// Nothing, within the time given.
    Silence,
}

/// How it is known that the server has read everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// The kernel's tables say so.
    Observed,
    /// It is only likely: the tables could not be read, and a moment was given instead.
    Assumed,
}
