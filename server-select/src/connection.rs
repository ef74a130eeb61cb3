//! Connection: one client, while it is read.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::event::Event;
use mio::net::TcpStream;
use server_core::socket::READS_PER_TURN;
use server_core::{CloseReason, Next, Session};

use crate::Server;

/// A client and the state of its connection.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) session: Session,
    pub(crate) phase: Phase,
    /// The deadline that its timer is set to.
    timer: Option<Instant>,
    /// Whether the poll reported EOF or an error. It reports that once, so reading goes on, past a short read, until a
    /// read returns it.
    eof: bool,
}

#[derive(PartialEq)]
pub(crate) enum Phase {
    /// It is read.
    Reading,
    /// It waits for the room.
    Paused,
    /// It is served what it is owed.
    Draining(Box<CloseReason>),
    /// It has a moment to read why it was rejected.
    Lingering,
    /// The same, for a client that never had a place.
    Rejected,
}

impl Connection {
    /// Whether it is still read.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self.phase, Phase::Reading | Phase::Paused)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.phase == Phase::Paused
    }
}

impl Server {
    /// Gives a client its place.
    pub(crate) fn connect(&mut self, stream: TcpStream, peer: SocketAddr) {
        let place = self.insert(stream, peer, Phase::Reading);
        let deadline = self.connections[place].session.deadline();
        // The next poll reports input that arrived before the socket was registered.
        self.set_timer(place, deadline);
    }

    pub(crate) fn insert(&mut self, stream: TcpStream, peer: SocketAddr, phase: Phase) -> usize {
        let session = Session::new(Arc::clone(&self.settings), peer, Instant::now());
        let connection = Connection { stream, session, phase, timer: None, eof: false };
        self.connections.insert(connection)
    }

    /// Records what the poll reports about a connection.
    pub(crate) fn note_ready(&mut self, place: usize, event: &Event) {
        let Some(connection) = self.connections.get_mut(place) else { return };
        connection.eof |= event.is_read_closed() || event.is_error();
        if event.is_writable() {
            self.delivery.writable.push(place);
        }
        if event.is_readable() || connection.eof {
            self.ready.push(place);
        }
    }

    /// Reads the clients that have input, each as much as one turn allows.
    pub(crate) fn read_loop(&mut self) {
        for place in std::mem::take(&mut self.ready) {
            match self.connections.get(place).map(|connection| &connection.phase) {
                Some(Phase::Reading) => self.read_some(place),
                Some(Phase::Lingering | Phase::Rejected) => self.linger(place),
                // A paused connection is read when the room accepts messages again, a draining one never.
                _ => {}
            }
        }
    }

    fn read_some(&mut self, place: usize) {
        for _ in 0..READS_PER_TURN {
            match self.read(place) {
                Ok(More::Maybe) => self.process_input(place),
                Ok(More::No) => return self.process_input(place),
                Err(reason) => return self.drain(place, reason),
            }
            if self.connections.get(place).is_none_or(|it| it.phase != Phase::Reading) {
                return;
            }
        }
        self.ready.push(place);
    }

    /// Reads once, without waiting.
    fn read(&mut self, place: usize) -> Result<More, CloseReason> {
        let connection = &mut self.connections[place];
        match connection.stream.read(&mut self.chunk) {
            Ok(0) => connection.session.feed_eof(),
            Ok(bytes) => {
                connection.session.feed(&self.chunk[..bytes]);
                if bytes == self.chunk.len() || connection.eof {
                    return Ok(More::Maybe);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(More::Maybe),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        // A read that did not fill the buffer has emptied the socket: the poll reports later input.
        Ok(More::No)
    }

    /// Processes what was read. If the room accepts nothing now, the connection waits for it.
    pub(crate) fn process_input(&mut self, place: usize) {
        let now = Instant::now();
        let connection = &mut self.connections[place];
        let next = connection.session.process_input(&mut self.room, &place, now);
        connection.session.log_activity();
        let deadline = connection.session.deadline();
        match next {
            Next::Read => match connection.session.expired(now) {
                Some(reason) => self.drain(place, reason),
                None => self.set_timer(place, deadline),
            },
            Next::Wait => {
                connection.phase = Phase::Paused;
                self.set_timer(place, deadline);
                self.waiting.push(place);
            }
            Next::Close(reason) => self.drain(place, reason),
        }
    }

    /// Lets the waiting connections go on, if one of them may.
    pub(crate) fn resume_waiting(&mut self) {
        if !std::mem::take(&mut self.may_resume) {
            return;
        }
        for place in std::mem::take(&mut self.waiting) {
            let Some(connection) = self.connections.get_mut(place) else { continue };
            match connection.phase {
                Phase::Paused => {
                    connection.phase = Phase::Reading;
                    self.process_input(place);
                    self.ready.push(place);
                }
                Phase::Draining(_) if connection.session.is_drained(&self.room) => {
                    self.leave(place);
                }
                Phase::Draining(_) => self.waiting.push(place),
                _ => {}
            }
        }
    }

    /// Replaces the deadline of a connection.
    pub(crate) fn set_timer(&mut self, place: usize, deadline: Option<Instant>) {
        let timer = &mut self.connections[place].timer;
        self.timers.set(place, *timer, deadline);
        *timer = deadline;
    }
}

/// Whether there may be more input to read at once.
enum More {
    Maybe,
    No,
}
