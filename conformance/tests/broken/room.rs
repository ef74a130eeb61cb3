//! Room: a room in memory behind wires with one defect.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io;
use std::rc::Rc;

use conformance::target::{
    Declared, Instance, Medium, MemoryRoom, NotStarted, Origin, Target, Wire,
};

use crate::defect::Defect;
use crate::wire::BrokenWire;

pub(crate) struct BrokenRoom {
    pub(crate) defect: Defect,
}

impl Target for BrokenRoom {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted> {
        let room = MemoryRoom.start(flags)?;
        Ok(Box::new(BrokenInstance { room, defect: self.defect, common: Rc::default() }))
    }

    fn origin(&self) -> Origin {
        Origin::Ours
    }

    fn declared(&self, flags: &[String]) -> Declared {
        MemoryRoom.declared(flags)
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!("rerun {id} {seed}")
    }
}

struct BrokenInstance {
    room: Box<dyn Instance>,
    defect: Defect,
    common: Rc<RefCell<Common>>,
}

/// The state that all connections of a broken server share.
#[derive(Default)]
pub(crate) struct Common {
    pub(crate) connections: usize,
    pub(crate) members: usize,
    /// Connections that have not sent their names.
    pub(crate) unnamed: HashSet<usize>,
    /// Connections that have sent only a part of a frame.
    pub(crate) mid_frame: HashSet<usize>,
    /// Whether a client has left.
    pub(crate) left: bool,
    pub(crate) dead: bool,
    /// Everything sent so far, as pairs.
    pub(crate) history: Vec<u8>,
    /// The last message, as it was received.
    pub(crate) last: Vec<u8>,
    /// The header of the last message, if it was not canonical.
    pub(crate) header: Option<Vec<u8>>,
}

impl Common {
    /// Whether a server with this defect does not serve a connection because of others.
    pub(crate) fn is_blocked(&self, defect: Defect, connection: usize) -> bool {
        let others = |waited_for: &HashSet<usize>| waited_for.iter().any(|id| *id != connection);
        match defect {
            Defect::WaitsForNames => others(&self.unnamed),
            Defect::WaitsForFrames => others(&self.mid_frame),
            Defect::SmallPool => self.unnamed.len().max(self.mid_frame.len()) >= POOL,
            _ => false,
        }
    }
}

impl Instance for BrokenInstance {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let mut common = self.common.borrow_mut();
        common.connections += 1;
        if common.dead || (self.defect == Defect::TwentyConnections && common.connections > 20) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let id = common.connections;
        common.unnamed.insert(id);
        Ok(Box::new(BrokenWire::new(self.room.connect()?, self.defect, id, &self.common)))
    }

    fn medium(&self) -> Medium {
        // This way the cases that need sockets run too; this target shows the defect without
        // sockets.
        Medium::Process
    }

    fn start_with(&self, _flags: &[&str]) -> Result<Box<dyn Instance>, NotStarted> {
        match self.defect {
            Defect::StartsAnyway => MemoryRoom.start(&[]),
            _ => Err(NotStarted::Failed("the server ended".into())),
        }
    }

    fn restart_obstacle(&self) -> Option<&'static str> {
        None
    }

    fn restart(&mut self) -> Result<(), NotStarted> {
        assert_eq!(Defect::RestartFails, self.defect, "no other defect is about restarting");
        Err(NotStarted::Failed("address already in use".into()))
    }
}

const POOL: usize = 32;
