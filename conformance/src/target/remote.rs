//! Remote: a server that runs already, and that the suite does not end.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use super::child::NO_SUCH_FLAGS;
use super::manifest::manifest_flag;
use super::{Declared, Instance, Manifest, Medium, NotStarted, Origin, Target, TcpWire, Wire};

/// A server that runs already. It is a target and its only instance.
#[derive(Clone, Debug)]
pub struct RemoteServer {
    /// The address on which it listens.
    pub addr: SocketAddr,
    /// What it declares; without it, nothing is declared. Its flags cannot be changed.
    pub manifest: Option<Manifest>,
}

impl Target for RemoteServer {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted> {
        if !flags.is_empty() {
            return Err(NO_SUCH_FLAGS);
        }
        Ok(Box::new(self.clone()))
    }

    fn probe(&self) -> Result<(), NotStarted> {
        let Err(error) = TcpWire::connect(self.addr) else { return Ok(()) };
        Err(NotStarted::Failed(match error.kind() {
            ErrorKind::ConnectionRefused => {
                format!("nothing listens at {}: start the server first", self.addr)
            }
            _ => format!("cannot reach {} ({error}): check host, port and network", self.addr),
        }))
    }

    fn origin(&self) -> Origin {
        Origin::Foreign
    }

    fn declared(&self, flags: &[String]) -> Declared {
        self.manifest.as_ref().map(|manifest| manifest.declared(flags)).unwrap_or_default()
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        let manifest = manifest_flag(self.manifest.as_ref());
        format!("conformance check --only {id} --seed {seed}{manifest} --connect {}", self.addr)
    }
}

impl Instance for RemoteServer {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(Box::new(TcpWire::connect(self.addr)?))
    }

    fn medium(&self) -> Medium {
        Medium::Shared
    }
}
