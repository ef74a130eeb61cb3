//! Farewell: the connections of a test, kept for its end.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use crate::target::{Received, Settled, Wire};

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

    /// Every connection so far; none is kept from here on.
    pub(super) fn take(&self) -> Vec<Kept> {
        self.0.take()
    }
}

/// One connection that a client and the stage share.
#[derive(Clone)]
pub(super) struct Kept(Rc<RefCell<Box<dyn Wire>>>);

impl Wire for Kept {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().send(bytes)
    }

    fn try_send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().try_send(bytes)
    }

    fn shrink_receive_buffer(&mut self) {
        self.0.borrow_mut().shrink_receive_buffer();
    }

    fn wait_for_break(&mut self, within: Duration) -> bool {
        self.0.borrow_mut().wait_for_break(within)
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
