//! Model: the three concurrency models, their names and their programs.

use std::fmt;

use server_core::Program;

/// One of the three concurrency models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Model {
    /// One thread per client.
    Threaded,
    /// One thread with an event loop.
    Select,
    /// Tasks on tokio's runtime.
    Async,
}

impl Model {
    /// All three, in the order of every list.
    pub const ALL: [Self; 3] = [Self::Threaded, Self::Select, Self::Async];

    /// Its name on command lines, in tables and in test names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Threaded => "threaded",
            Self::Select => "select",
            Self::Async => "async",
        }
    }

    /// The program of its server.
    pub fn program(self) -> &'static Program {
        match self {
            Self::Threaded => &server_threaded::PROGRAM,
            Self::Select => &server_select::PROGRAM,
            Self::Async => &server_async::PROGRAM,
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
