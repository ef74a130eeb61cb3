//! Server: an entrant that runs, whether or not the lab has started it.

use std::net::SocketAddr;

use crate::process::ServerProcess;

/// A server that is being measured.
pub(in crate::lab) enum Server {
    /// A process of ours, ended with this value.
    Started(ServerProcess),
    /// Somebody else's.
    Running(SocketAddr),
}

impl Server {
    pub(in crate::lab) fn addr(&self) -> SocketAddr {
        match self {
            Self::Started(server) => server.addr(),
            Self::Running(addr) => *addr,
        }
    }

    /// Its process id, if it is known.
    pub(in crate::lab) fn id(&self) -> Option<u32> {
        match self {
            Self::Started(server) => Some(server.id()),
            Self::Running(_) => None,
        }
    }

    /// The end of what it has written so far.
    pub(in crate::lab) fn log(&self) -> String {
        match self {
            Self::Started(server) => server.log(),
            Self::Running(_) => String::new(),
        }
    }
}
