//! Excess: one of our servers that seems to retain too much, because a wire sends it more than its
//! client does.

use std::cell::RefCell;
use std::io;
use std::time::Duration;

use conformance::process::ServerProcess;
use conformance::target::{Evidence, Instance, Medium, Received, Target, Wire};
use protocol::{HEADER_LEN, parse_header};

use crate::altered::StartedBy;
use crate::{Kill, Mutant, our_server};

/// What the server seems to retain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// Something of every connection: for each one, the target opens another that never ends.
    KeepsConnections,
    /// The announced length of every message: the wire sends the announced bytes, all but the last.
    AllocatesAnnouncedLengths,
}

pub(crate) const KILLS: &[Kill] = &[
    (
        Mutant::Retains(Excess::KeepsConnections),
        &[("RES-06", "the server holds"), ("BAD-07", "the server holds")],
    ),
    (Mutant::Retains(Excess::AllocatesAnnouncedLengths), &[("LIM-01", "the server grew by")]),
];

pub(crate) fn excessive(excess: Excess) -> impl Target {
    StartedBy(move |flags: &[String]| {
        let server = our_server().start(flags)?;
        Ok(Box::new(Excessive { server, excess, kept: RefCell::default() }) as Box<dyn Instance>)
    })
}

struct Excessive {
    server: Box<dyn Instance>,
    excess: Excess,
    kept: RefCell<Vec<Box<dyn Wire>>>,
}

impl Instance for Excessive {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        match self.excess {
            Excess::KeepsConnections => {
                self.kept.borrow_mut().push(self.server.connect()?);
                self.server.connect()
            }
            Excess::AllocatesAnnouncedLengths => Ok(Box::new(PaddingWire(self.server.connect()?))),
        }
    }

    fn medium(&self) -> Medium {
        Medium::Process
    }

    fn process(&self) -> Option<&ServerProcess> {
        self.server.process()
    }
}

/// Sends all but the last byte of what its client has announced.
struct PaddingWire(Box<dyn Wire>);

impl Wire for PaddingWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(bytes)?;
        let header = &bytes[..bytes.len().min(HEADER_LEN)];
        let announced = parse_header(header).ok().flatten().unwrap_or_default();
        let announced = usize::try_from(announced).unwrap_or_default();
        let missing = (HEADER_LEN + announced).saturating_sub(bytes.len());
        self.0.send(&vec![b'.'; missing.saturating_sub(1)])
    }

    fn receive(&mut self, most: usize, within: Duration) -> Received {
        self.0.receive(most, within)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.0.half_close()
    }

    fn reset(&mut self) {
        self.0.reset();
    }

    fn await_read(&mut self, within: Duration) -> Evidence {
        self.0.await_read(within)
    }
}
