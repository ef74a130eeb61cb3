//! Farewell: a server that others use is left as it was found, however a test ended.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{POKE_PACE, Stage};
use crate::target::{Medium, Received, Settled, Wire};

/// The connections of a test to a server that others use. They outlive the clients that hold them: a
/// test that fails drops its clients wherever they stand.
#[derive(Default)]
pub(super) struct Farewell(RefCell<Vec<Kept>>);

impl Farewell {
    /// A connection to give to a client, kept here as well.
    pub(super) fn keep(&self, wire: Box<dyn Wire>) -> Box<dyn Wire> {
        let kept = Kept(Rc::new(RefCell::new(wire)));
        self.0.borrow_mut().push(kept.clone());
        Box::new(kept)
    }
}

impl Stage {
    /// Ends a test. On a server that others use, every client goes politely and the end of its
    /// connection is waited for, so that the next test meets nobody of this one: its name is free.
    pub fn see_off(&mut self) {
        if self.target.medium() != Medium::Shared {
            return;
        }
        let start = Instant::now();
        let mut wires = self.farewell.0.take();
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
                Received::Silence => drop(self.target.connect()),
            }
        }
    }
}

/// One connection that a client and the stage share.
#[derive(Clone)]
struct Kept(Rc<RefCell<Box<dyn Wire>>>);

impl Wire for Kept {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().send(bytes)
    }

    fn offer(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().offer(bytes)
    }

    fn narrow(&mut self) {
        self.0.borrow_mut().narrow();
    }

    fn await_break(&mut self, within: Duration) -> bool {
        self.0.borrow_mut().await_break(within)
    }

    fn receive(&mut self, most: usize, within: Duration) -> Received {
        self.0.borrow_mut().receive(most, within)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.0.borrow_mut().half_close()
    }

    fn reset(&mut self) {
        self.0.borrow_mut().reset();
    }

    fn settle(&mut self, within: Duration) -> Settled {
        self.0.borrow_mut().settle(within)
    }
}

const CHUNK_BYTES: usize = 64 * 1024;
