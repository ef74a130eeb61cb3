//! The room in memory: the same sessions and the same room as in the servers, with nothing around them.
//!
//! It is the control of the suite: what fails here is no matter of sockets or of concurrency.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use server_core::{
    CloseReason, Ending, PerClient, READ_CHUNK, Room, Session, Settings, Turn, WriteBatch,
};

use super::{Declared, Evidence, Medium, NotStarted, Origin, Received, Subject, Target, Wire};

/// Gives rooms in memory.
#[derive(Clone, Copy, Debug)]
pub struct MemoryRoom;

impl Subject for MemoryRoom {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        let words = [String::from("room")].into_iter().chain(flags.iter().cloned());
        let flags = Flags::try_parse_from(words).map_err(|e| NotStarted::Failed(e.to_string()))?;
        Ok(Box::new(RoomTarget(Rc::new(RefCell::new(World::new(flags.settings))))))
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

struct RoomTarget(Rc<RefCell<World>>);

impl Target for RoomTarget {
    fn connect(&self) -> io::Result<Box<dyn Wire>> {
        let place = self.0.borrow_mut().connect();
        Ok(Box::new(RoomWire { world: Rc::clone(&self.0), place }))
    }

    fn medium(&self) -> Medium {
        Medium::Memory
    }
}

struct RoomWire {
    world: Rc<RefCell<World>>,
    /// Its connection's.
    place: usize,
}

impl Wire for RoomWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        for chunk in bytes.chunks(READ_CHUNK) {
            self.world.borrow_mut().take(self.place, |session| session.feed(chunk));
        }
        Ok(())
    }

    fn receive(&mut self, most: usize, _within: Duration) -> Received {
        let connection = &mut self.world.borrow_mut().connections[self.place];
        let count = most.min(connection.outgoing.len());
        if count > 0 {
            return Received::Bytes(connection.outgoing.drain(..count).collect());
        }
        // Nothing happens here by itself: what is not there now would never come.
        connection.end.clone().unwrap_or(Received::Silence)
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.world.borrow_mut().take(self.place, Session::feed_eof);
        Ok(())
    }

    fn reset(&mut self) {
        let reason = CloseReason::Lost(io::ErrorKind::ConnectionReset);
        self.world.borrow_mut().close(self.place, reason);
    }

    fn await_read(&mut self, _within: Duration) -> Evidence {
        Evidence::Observed
    }
}

/// A server without sockets: everything said is delivered to everybody before the next thing happens.
struct World {
    settings: Arc<Settings>,
    room: Room<usize>,
    connections: Vec<Connection>,
    /// The moment at which everything happens: no time passes here.
    now: Instant,
}

struct Connection {
    session: Session,
    /// On its way to the client.
    outgoing: VecDeque<u8>,
    /// How the stream ends behind that; what the client still sends is thrown away.
    end: Option<Received>,
}

impl World {
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

    /// Lets a session take something in, and carries out what follows.
    fn take(&mut self, place: usize, input: impl FnOnce(&mut Session)) {
        if self.connections[place].end.is_some() {
            return;
        }
        input(&mut self.connections[place].session);
        loop {
            let session = &mut self.connections[place].session;
            let turn = session.process_input(&mut self.room, &place, self.now);
            self.deliver();
            match turn {
                Turn::Read => return,
                // Nobody is behind any more, so the room takes it now.
                Turn::Wait => {}
                Turn::Close(reason) => return self.close(place, reason),
            }
        }
    }

    fn close(&mut self, place: usize, mut reason: CloseReason) {
        if self.connections[place].end.is_some() {
            return;
        }
        // Those who are released look again by themselves: here nobody ever waits.
        let _ = self.connections[place].session.drain(&mut self.room, &reason);
        self.deliver();
        let connection = &mut self.connections[place];
        let _ = connection.session.leave(&mut self.room, &mut reason);
        connection.outgoing.extend(connection.session.rejection(&reason).unwrap_or_default());
        let aborted = reason.ending() == Ending::Abort;
        connection.end = Some(if aborted { Received::Reset } else { Received::Eof });
        // The others may be told that it has left.
        self.deliver();
    }

    /// Moves every member's cursor to the head.
    fn deliver(&mut self) {
        // Everybody who is behind has a turn: nobody has to be named.
        while self.room.next_direct().is_some() {}
        let (mut offer, mut from) = (WriteBatch::default(), 0);
        while let Some(member) = self.room.next_behind(from) {
            let Some(&place) = self.room.next_batch(member, &mut offer, self.now) else {
                from = member.next_place();
                continue;
            };
            let outgoing = &mut self.connections[place].outgoing;
            offer.slices().iter().for_each(|slice| outgoing.extend(slice));
            // As in `close`.
            let _ = self.room.advance(member, &offer, Ok(offer.bytes()));
        }
    }
}
