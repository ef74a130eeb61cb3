//! Relay: one loop that copies what each client sends to all others, with one write for each of
//! them per wake-up.
//!
//! It looks at the bytes only to find where a pair ends: bytes of two clients must not mix within a
//! pair.

use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use server_core::slab::Slab;

use super::member::{Gone, Member};
use crate::support::console::print_error;

/// Relays what the clients of `listener` send. An error of one client ends only its own connection.
///
/// # Errors
///
/// The poll fails, or accept does: because there is no descriptor left, for example.
pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let mut relay = Relay::new(listener)?;
    let mut events = Events::with_capacity(EVENTS);
    loop {
        relay.turn(&mut events)?;
    }
}

/// The state of the loop.
struct Relay {
    poll: Poll,
    listener: mio::net::TcpListener,
    members: Slab<Member>,
    /// Members from which there may be more to read.
    readable: Vec<usize>,
    /// Members whose connection has ended in this turn, and why.
    gone: Vec<(usize, Gone)>,
    /// The pairs that all members sent in this turn.
    pairs: BytesMut,
    /// Which part of `pairs` is of which member: the member's place, and the part's end.
    parts: Vec<(usize, usize)>,
    /// The read buffer of all members.
    chunk: Box<[u8]>,
}

impl Relay {
    fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut listener = mio::net::TcpListener::from_std(listener);
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        Ok(Self {
            poll,
            listener,
            members: Slab::new(),
            readable: Vec::new(),
            gone: Vec::new(),
            pairs: BytesMut::new(),
            parts: Vec::new(),
            chunk: vec![0; READ_CHUNK].into(),
        })
    }

    /// Waits for events, reads from every member that is readable, and relays what it read.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        let timeout = (!self.readable.is_empty()).then_some(Duration::ZERO);
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        for event in events.iter() {
            match event.token() {
                LISTENER => self.accept_all()?,
                Token(place) => self.note(place, event),
            }
        }
        for place in std::mem::take(&mut self.readable) {
            self.read(place);
        }
        self.relay();
        self.remove_gone();
        Ok(())
    }

    fn accept_all(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(()),
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => continue,
                    _ => return Err(error),
                },
            };
            // An error means that the connection has ended, and the first read reports that.
            stream.set_nodelay(true).ok();
            let place = self.members.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(place.key()), interest)?;
            place.insert(Member::new(stream));
        }
    }

    /// Readiness is edge-triggered: it is reported once, when it begins.
    fn note(&mut self, place: usize, event: &Event) {
        let Some(member) = self.members.get_mut(place) else { return };
        if event.is_readable() && !std::mem::replace(&mut member.is_readable, true) {
            self.readable.push(place);
        }
        if event.is_writable()
            && let Err(gone) = member.flush_again()
        {
            self.gone.push((place, gone));
        }
    }

    /// Reads once from a member. A read that fills less than the buffer has emptied the socket.
    fn read(&mut self, place: usize) {
        let Some(member) = self.members.get_mut(place) else { return };
        member.is_readable = false;
        let outcome = match member.stream.read(&mut self.chunk) {
            Ok(0) => Err(Gone::Left),
            Ok(count) => {
                member.is_readable = count == self.chunk.len();
                member.take_pairs(&self.chunk[..count], &mut self.pairs)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                member.is_readable = true;
                Ok(())
            }
            Err(_) => Err(Gone::Left),
        };
        if member.is_readable {
            self.readable.push(place);
        }
        if self.pairs.len() > self.parts.last().map_or(0, |(_, end)| *end) {
            member.has_sent = true;
            self.parts.push((place, self.pairs.len()));
        }
        if let Err(gone) = outcome {
            self.gone.push((place, gone));
        }
    }

    /// Sends every member the pairs of all others.
    fn relay(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        let pairs = self.pairs.split().freeze();
        for (place, member) in &mut self.members {
            if std::mem::take(&mut member.has_sent) {
                others(place, &pairs, &self.parts).for_each(|part| member.push(part));
            } else {
                member.push(pairs.clone());
            }
            if let Err(gone) = member.flush() {
                self.gone.push((place, gone));
            }
        }
        self.parts.clear();
    }

    fn remove_gone(&mut self) {
        for (place, gone) in self.gone.drain(..) {
            if let Some(member) = self.members.try_remove(place)
                && gone != Gone::Left
            {
                let peer =
                    member.stream.peer_addr().map_or("a client".into(), |peer| peer.to_string());
                print_error(format_args!("floor: {peer} is disconnected: {gone}"));
            }
        }
    }
}

/// The parts of `pairs` that are not of the member at `place`.
fn others(place: usize, pairs: &Bytes, parts: &[(usize, usize)]) -> impl Iterator<Item = Bytes> {
    let starts = std::iter::once(0).chain(parts.iter().map(|(_, end)| *end));
    let whole = starts.zip(parts).filter(move |(_, (speaker, _))| *speaker != place);
    whole.map(|(start, (_, end))| pairs.slice(start..*end))
}

const LISTENER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;
/// As many bytes as our own servers read from a client in one turn.
const READ_CHUNK: usize = 64 * 1024;
