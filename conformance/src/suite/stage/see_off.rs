//! See off: a server that others use is left as it was found, however a test ended.

use std::time::Instant;

use super::farewell::Kept;
use super::{POKE_PACE, Stage};
use crate::target::{Medium, Received, Wire};

impl Stage {
    /// Ends a test. On a server that others use, every client goes politely and the end of its
    /// connection is waited for, so that the next test meets nobody of this one: its name is free.
    pub fn see_off(&mut self) {
        if self.instance.medium() != Medium::Shared {
            return;
        }
        let start = Instant::now();
        let mut wires = self.farewell.take();
        for wire in &mut wires {
            // One that has ended already cannot be told that we leave.
            wire.half_close().ok();
        }
        for mut wire in wires {
            self.await_end(&mut wire, start);
        }
    }

    /// Reads what is still to come. That the end comes at all is the business of other tests: together
    /// all of them get one deadline.
    fn await_end(&self, wire: &mut Kept, start: Instant) {
        loop {
            match wire.receive(CHUNK_BYTES, POKE_PACE) {
                Received::Eof | Received::Reset => return,
                _ if start.elapsed() > self.deadline() => return,
                Received::Bytes(_) => {}
                // Some servers close only at their next event: they get one.
                Received::Silence => drop(self.instance.connect()),
            }
        }
    }
}

const CHUNK_BYTES: usize = 64 * 1024;
