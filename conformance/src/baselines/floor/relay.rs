//! Relay: one loop that passes on what each client says to all others, in one write each per wake-up.
//!
//! Bytes are looked at for one thing only, where a pair ends: what two clients say must not mix within one.

use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token};
use server_core::slab::Slab;

use super::member::{Gone, Member};
use crate::support::console::print_error;

/// Passes on what the clients of `listener` say, until something fails that is not a client's own matter.
///
/// # Errors
///
/// The poll, or accepting: there is no descriptor left, for instance.
pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    let mut relay = Relay::new(listener)?;
    let mut events = Events::with_capacity(EVENTS);
    loop {
        relay.turn(&mut events)?;
    }
}

/// What the loop owns.
struct Relay {
    poll: Poll,
    listener: mio::net::TcpListener,
    members: Slab<Member>,
    /// Members that may have more to say than one turn allowed.
    readable: Vec<usize>,
    /// Whose connection has ended in this turn, and why.
    gone: Vec<(usize, Gone)>,
    /// What was said in this turn, by all of them.
    said: BytesMut,
    /// Who said which part of it: the place, and the part's end.
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
            said: BytesMut::new(),
            parts: Vec::new(),
            chunk: vec![0; READ_CHUNK].into(),
        })
    }

    /// Waits for something to happen, reads all of it, and passes it on.
    fn turn(&mut self, events: &mut Events) -> io::Result<()> {
        let patience = (!self.readable.is_empty()).then_some(Duration::ZERO);
        match self.poll.poll(events, patience) {
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
        self.pass_on();
        self.forget_gone();
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
            // An error means that the connection is gone already, and its first read tells that.
            stream.set_nodelay(true).ok();
            let place = self.members.vacant_entry();
            let interest = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(place.key()), interest)?;
            place.insert(Member::new(stream));
        }
    }

    /// Readiness is told once, when it begins.
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

    /// Reads a member once. A stream that gave less than was asked for is empty.
    fn read(&mut self, place: usize) {
        let Some(member) = self.members.get_mut(place) else { return };
        member.is_readable = false;
        let outcome = match member.stream.read(&mut self.chunk) {
            Ok(0) => Err(Gone::Left),
            Ok(count) => {
                member.is_readable = count == self.chunk.len();
                member.take_pairs(&self.chunk[..count], &mut self.said)
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
        if self.said.len() > self.parts.last().map_or(0, |(_, end)| *end) {
            member.has_spoken = true;
            self.parts.push((place, self.said.len()));
        }
        if let Err(gone) = outcome {
            self.gone.push((place, gone));
        }
    }

    /// Gives everybody what was said, save their own.
    fn pass_on(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        let said = self.said.split().freeze();
        for (place, member) in &mut self.members {
            if std::mem::take(&mut member.has_spoken) {
                others(place, &said, &self.parts).for_each(|part| member.push(part));
            } else {
                member.push(said.clone());
            }
            if let Err(gone) = member.flush() {
                self.gone.push((place, gone));
            }
        }
        self.parts.clear();
    }

    fn forget_gone(&mut self) {
        for (place, gone) in self.gone.drain(..) {
            if let Some(member) = self.members.try_remove(place)
                && gone != Gone::Left
            {
                let peer =
                    member.stream.peer_addr().map_or("a client".into(), |peer| peer.to_string());
                print_error(format_args!("floor: {peer} is dropped: {gone}"));
            }
        }
    }
}

/// The parts of what was said that are not of `place`.
fn others(place: usize, said: &Bytes, parts: &[(usize, usize)]) -> impl Iterator<Item = Bytes> {
    let starts = std::iter::once(0).chain(parts.iter().map(|(_, end)| *end));
    let whole = starts.zip(parts).filter(move |(_, (speaker, _))| *speaker != place);
    whole.map(|(start, (_, end))| said.slice(start..*end))
}

const LISTENER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;
/// As much as our own servers take from a client before the others have their turn.
const READ_CHUNK: usize = 64 * 1024;
