//! Memory: the servers' sessions and room, in memory, without sockets and threads.
//!
//! It is the control of the suite: a rule that fails here fails for a reason other than sockets or
//! concurrency.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use server_core::{
    CloseReason, Ending, Next, PerClient, READ_CHUNK, Room, Session, Settings, WriteBatch,
};

use super::{Declared, Evidence, Instance, Medium, NotStarted, Origin, Received, Target, Wire};

/// The target whose instances are rooms in memory.
#[derive(Clone, Copy, Debug)]
pub struct MemoryRoom;

impl Target for MemoryRoom {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted> {
        let words = [String::from("room")].into_iter().chain(flags.iter().cloned());
        let flags = Flags::try_parse_from(words).map_err(|e| NotStarted::Failed(e.to_string()))?;
        Ok(Box::new(RoomInstance(Rc::new(RefCell::new(MemoryServer::new(flags.settings))))))
    }

    fn origin(&self) -> Origin {
        Origin::Ours
    }

    fn declared(&self, flags: &[String]) -> Declared {
        Declared::ours(flags, PerClient::Descriptor).unwrap_or_default()
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!(
            "CONFORMANCE_SEED={seed} cargo test -p conformance --test suite -- --exact room::{id}"
        )
    }
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    settings: Settings,
}

struct RoomInstance(Rc<RefCell<MemoryServer>>);

impl Instance for RoomInstance {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let index = self.0.borrow_mut().connect();
        Ok(Box::new(RoomWire { server: Rc::clone(&self.0), index }))
    }

    fn medium(&self) -> Medium {
        Medium::Memory
    }
}

struct RoomWire {
    server: Rc<RefCell<MemoryServer>>,
    /// Of its connection in [`MemoryServer::connections`].
    index: usize,
}

impl Wire for RoomWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(READ_CHUNK) {
            self.server.borrow_mut().take(self.index, |session| session.feed(chunk));
        }
        Ok(())
    }

    fn receive(&mut self, most: usize, _within: Duration) -> Received {
        let connection = &mut self.server.borrow_mut().connections[self.index];
        let count = most.min(connection.outgoing.len());
        if count > 0 {
            return Received::Bytes(connection.outgoing.drain(..count).collect());
        }
        // Nothing happens here by itself: bytes that are not here now would never come.
        connection.end.clone().unwrap_or(Received::Silence)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.server.borrow_mut().take(self.index, Session::feed_eof);
        Ok(())
    }

    fn reset(&mut self) {
        let reason = CloseReason::Lost(io::ErrorKind::ConnectionReset);
        self.server.borrow_mut().close(self.index, reason);
    }

    fn await_read(&mut self, _within: Duration) -> Evidence {
        Evidence::Observed
    }
}

/// A server without sockets. It delivers each message to all members before it handles the next
/// input.
struct MemoryServer {
    settings: Arc<Settings>,
    room: Room<usize>,
    connections: Vec<Connection>,
    /// The time of everything that happens: no time passes here.
    now: Instant,
}

struct Connection {
    session: Session,
    /// Sent to the client, which has not received it yet.
    outgoing: VecDeque<u8>,
    /// How the stream ends after `outgoing`; from then on the client's input is discarded.
    end: Option<Received>,
}

impl MemoryServer {
    fn new(settings: Settings) -> Self {
        let room = Room::of(&settings);
        Self { settings: Arc::new(settings), room, connections: Vec::new(), now: Instant::now() }
    }

    fn connect(&mut self) -> usize {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let session = Session::new(Arc::clone(&self.settings), peer, self.now);
        self.connections.push(Connection { session, outgoing: VecDeque::new(), end: None });
        self.connections.len() - 1
    }

    /// Feeds a session, and processes its input until it needs more.
    fn take(&mut self, index: usize, input: impl FnOnce(&mut Session)) {
        if self.connections[index].end.is_some() {
            return;
        }
        input(&mut self.connections[index].session);
        loop {
            let session = &mut self.connections[index].session;
            let turn = session.process_input(&mut self.room, &index, self.now);
            self.deliver();
            match turn {
                Next::Read => return,
                // No member lags any more, so the room now accepts the message.
                Next::Wait => {}
                Next::Close(reason) => return self.close(index, reason),
            }
        }
    }

    fn close(&mut self, index: usize, mut reason: CloseReason) {
        if self.connections[index].end.is_some() {
            return;
        }
        // No session waits here, so there is none to wake.
        let _ = self.connections[index].session.drain(&mut self.room, &reason);
        self.deliver();
        let connection = &mut self.connections[index];
        let _ = connection.session.leave(&mut self.room, &mut reason);
        connection.outgoing.extend(connection.session.rejection(&reason).unwrap_or_default());
        let aborted = reason.ending() == Ending::Abort;
        connection.end = Some(if aborted { Received::Reset } else { Received::Eof });
        // The other members may receive a notice that it has left.
        self.deliver();
    }

    /// Moves every member's cursor to the head.
    fn deliver(&mut self) {
        // The loop below visits all members that lag, those with direct messages included.
        while self.room.next_to_serve().is_some() {}
        let (mut batch, mut from) = (WriteBatch::default(), 0);
        while let Some(member) = self.room.next_behind(from) {
            let Some(&index) = self.room.next_batch(member, &mut batch, self.now) else {
                from = member.next_place();
                continue;
            };
            let outgoing = &mut self.connections[index].outgoing;
            batch.slices().iter().for_each(|slice| outgoing.extend(slice));
            // As in `close`.
            let _ = self.room.advance(member, &batch, Ok(batch.bytes()));
        }
    }
}
