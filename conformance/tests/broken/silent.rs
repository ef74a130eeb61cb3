//! Silent: since when each connection of the small server has been silent, for the defect that
//! closes too many of them.

use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The connections in the order in which they were accepted, and when each last sent anything.
///
/// The defect compares these times with each other and not with a fixed one. Otherwise the server
/// would close a member that waits while others join, if the machine is slow enough, and a test
/// would fail before it reaches its rule.
#[derive(Default)]
pub(crate) struct Silences(Mutex<Vec<(Arc<TcpStream>, Instant)>>);

impl Silences {
    /// Adds a connection that was accepted now.
    pub(crate) fn add(&self, stream: &Arc<TcpStream>) {
        self.lock().push((Arc::clone(stream), Instant::now()));
    }

    /// Records that bytes arrived. The server calls this before it relays them, because a test goes
    /// on as soon as a client has received them.
    pub(crate) fn interrupt(&self, stream: &Arc<TcpStream>) {
        for (other, since) in &mut *self.lock() {
            if Arc::ptr_eq(other, stream) {
                *since = Instant::now();
            }
        }
    }

    /// Closes this connection and all that have been silent for at least as long.
    pub(crate) fn close_from(&self, stream: &Arc<TcpStream>) {
        let connections = self.lock();
        let own = connections.iter().find(|(other, _)| Arc::ptr_eq(other, stream));
        let Some(&(_, silent)) = own else { return };
        for (other, _) in connections.iter().filter(|(_, since)| *since <= silent) {
            // It fails if the client has already left.
            other.shutdown(Shutdown::Both).ok();
        }
    }

    /// Removes a connection that has ended.
    pub(crate) fn remove(&self, stream: &Arc<TcpStream>) {
        self.lock().retain(|(other, _)| !Arc::ptr_eq(other, stream));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Arc<TcpStream>, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
