//! Connection: one client, from its name to its last word.

use std::io::{ErrorKind, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use mio::event::Event;
use mio::net::TcpStream;
use server_core::socket::{self, Drained, READS_PER_TURN};
use server_core::{CloseReason, Ending, Session, Turn};

use crate::Server;

/// A client, and how far it has come.
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    session: Session,
    phase: Phase,
    /// The deadline that its timer is set to.
    timer: Option<Instant>,
    /// Whether the client has closed, so that reading must go on until it shows.
    closed: bool,
}

#[derive(PartialEq)]
enum Phase {
    /// It is read.
    Reading,
    /// The room takes nothing now.
    Paused,
    /// It gets what is for it.
    Departing(Box<CloseReason>),
    /// It is given a moment to read why it was refused.
    Lingering,
    /// The same for one that never had a place.
    TurnedAway,
}

impl Connection {
    /// Whether it is still read.
    pub(crate) fn is_read(&self) -> bool {
        matches!(self.phase, Phase::Reading | Phase::Paused)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.phase == Phase::Paused
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }
}

impl Server {
    /// Gives a client its place.
    pub(crate) fn connect(&mut self, stream: TcpStream, peer: SocketAddr) {
        let place = self.insert(stream, peer, Phase::Reading);
        let deadline = self.connections[place].session.deadline();
        // What has come before it was registered is told by the next poll.
        self.set_timer(place, deadline);
    }

    /// Gives a client that is refused a place until it has read why.
    pub(crate) fn turn_away(&mut self, stream: TcpStream, peer: SocketAddr) {
        let place = self.insert(stream, peer, Phase::TurnedAway);
        self.set_timer(place, Some(Instant::now() + self.settings.reject_linger));
    }

    fn insert(&mut self, stream: TcpStream, peer: SocketAddr, phase: Phase) -> usize {
        let session = Session::new(Arc::clone(&self.settings), peer, Instant::now());
        let connection = Connection { stream, session, phase, timer: None, closed: false };
        self.connections.insert(connection)
    }

    /// Takes note of what the poll told about a connection.
    pub(crate) fn note_ready(&mut self, place: usize, event: &Event) {
        let Some(connection) = self.connections.get_mut(place) else { return };
        connection.closed |= event.is_read_closed() || event.is_error();
        if event.is_writable() {
            self.delivery.unblocked.push(place);
        }
        if event.is_readable() || connection.closed {
            self.ready.push(place);
        }
    }

    /// Carries out what clients say, each as much as one turn allows. The loop never waits for one.
    pub(crate) fn read_loop(&mut self) {
        for place in std::mem::take(&mut self.ready) {
            match self.connections.get(place).map(|connection| &connection.phase) {
                Some(Phase::Reading) => self.read_some(place),
                Some(Phase::Lingering | Phase::TurnedAway) => self.linger(place),
                // The rest is read when the room released it, or never.
                _ => {}
            }
        }
    }

    fn read_some(&mut self, place: usize) {
        for _ in 0..READS_PER_TURN {
            match self.read(place) {
                Ok(More::Perhaps) => self.process_input(place),
                Ok(More::No) => return self.process_input(place),
                Err(reason) => return self.depart(place, reason),
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
                if bytes == self.chunk.len() || connection.closed {
                    return Ok(More::Perhaps);
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(More::Perhaps),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        // A read that did not fill the buffer has emptied the socket: the poll tells of what comes later.
        Ok(More::No)
    }

    /// Carries out what has been said; if the room takes nothing, the connection waits for it.
    fn process_input(&mut self, place: usize) {
        let now = Instant::now();
        let connection = &mut self.connections[place];
        let turn = connection.session.process_input(&mut self.room, &place, now);
        connection.session.log_activity();
        match turn {
            Turn::Read => {
                let deadline = connection.session.deadline();
                let late = connection.session.expired(now);
                self.set_timer(place, deadline);
                if let Some(reason) = late {
                    self.depart(place, reason);
                }
            }
            Turn::Close(reason) => self.depart(place, reason),
            Turn::Wait => {
                let deadline = connection.session.deadline();
                connection.phase = Phase::Paused;
                self.set_timer(place, deadline);
                self.waiting.push(place);
            }
        }
    }

    /// Lets those go on that waited, if anybody was released.
    pub(crate) fn release(&mut self) {
        if !std::mem::take(&mut self.released) {
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
                Phase::Departing(_) if connection.session.is_drained(&self.room) => {
                    self.leave(place)
                }
                Phase::Departing(_) => self.waiting.push(place),
                _ => {}
            }
        }
    }

    /// Ends a connection whose time is up.
    pub(crate) fn time_out(&mut self, place: usize, now: Instant) {
        let connection = &mut self.connections[place];
        match &mut connection.phase {
            Phase::Reading | Phase::Paused => match connection.session.expired(now) {
                Some(reason) => self.depart(place, reason),
                None => self.set_timer(place, None),
            },
            Phase::Departing(reason) => {
                **reason = CloseReason::TooSlow;
                self.leave(place);
            }
            Phase::Lingering | Phase::TurnedAway => self.remove(place),
        }
    }

    /// Sees the client off: it gets what is for it, then its name is free, then it sees the end.
    pub(crate) fn depart(&mut self, place: usize, reason: CloseReason) {
        let until = self.shutdown.serve_until(&self.settings, &reason, Instant::now());
        let connection = &mut self.connections[place];
        let release = connection.session.drain(&mut self.room, &reason);
        connection.phase = Phase::Departing(Box::new(reason));
        self.set_timer(place, Some(until));
        self.wake(release);
        // Perhaps there is nothing to wait for.
        self.waiting.push(place);
        self.released = true;
    }

    /// The second half of it, when it has what was for it or its time is up.
    fn leave(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        let Phase::Departing(reason) = &mut connection.phase else { return };
        let release = connection.session.leave(&mut self.room, reason);
        connection.session.log_end(reason);
        self.wake(release);
        self.end(place);
    }

    /// Ends the connection as its reason demands.
    fn end(&mut self, place: usize) {
        let connection = &mut self.connections[place];
        let Phase::Departing(reason) = &connection.phase else { return };
        match reason.ending() {
            Ending::Plain => self.remove(place),
            Ending::Abort => {
                socket::reset_on_close(&connection.stream);
                self.remove(place);
            }
            Ending::Refusal => {
                socket::reject(&connection.stream, connection.session.rejection(reason));
                connection.phase = Phase::Lingering;
                let until = self.shutdown.linger_until(&self.settings, Instant::now());
                self.set_timer(place, Some(until));
                self.ready.push(place);
            }
        }
    }

    /// Reads on for a moment: closing with unread bytes would reset the connection and eat the reason.
    fn linger(&mut self, place: usize) {
        match socket::drain(&self.connections[place].stream) {
            Ok(Drained::Eof) => self.remove(place),
            Ok(Drained::Partly) => self.ready.push(place),
            // The poll tells when there is more.
            Err(_) => {}
        }
    }

    fn remove(&mut self, place: usize) {
        self.set_timer(place, None);
        let connection = self.connections.remove(place);
        self.lingering -= usize::from(connection.phase == Phase::TurnedAway);
    }

    fn set_timer(&mut self, place: usize, deadline: Option<Instant>) {
        let timer = &mut self.connections[place].timer;
        self.timers.set(place, *timer, deadline);
        *timer = deadline;
    }
}

/// Whether a socket may have more to read.
enum More {
    Perhaps,
    No,
}
