//! Server: a running entrant, started by the lab or before it.

use std::net::SocketAddr;

use crate::process::ServerProcess;

/// A server that is being measured.
pub(in crate::lab) enum Server {
    /// A process that the lab started; dropping this value ends it.
    Started(ServerProcess),
    /// A server that the lab did not start.
    Running(SocketAddr),
}

impl Server {
    pub(in crate::lab) fn addr(&self) -> SocketAddr {
        match self {
            Self::Started(server) => server.addr(),
            Self::Running(addr) => *addr,
        }
    }

    /// Its process id; `None` if the lab did not start it.
    pub(in crate::lab) fn id(&self) -> Option<u32> {
        match self {
            Self::Started(server) => Some(server.id()),
            Self::Running(_) => None,
        }
    }

    /// The end of its log so far.
    pub(in crate::lab) fn log(&self) -> String {
        match self {
            Self::Started(server) => server.log(),
            Self::Running(_) => String::new(),
        }
    }
}
