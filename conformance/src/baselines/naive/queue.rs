//! Queue: one loop for all clients and a queue for each, which one write per wake-up empties.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::net::TcpListener;
use std::time::Duration;

use bytes::{Buf, Bytes};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use protocol::pair;
use server_core::slab::Slab;

use super::frames::Frames;

type Members = Slab<Member>;

/// Serves the clients of `listener` in one loop.
///
/// # Errors
///
/// The poll fails, or accept does: because there is no descriptor left, for example.
pub(crate) fn serve(listener: TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = mio::net::TcpListener::from_std(listener);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (mut members, mut events) = (Members::new(), Events::with_capacity(EVENTS));
    loop {
        let is_unread = members.iter().any(|(_, member)| member.is_readable);
        match poll.poll(&mut events, is_unread.then_some(Duration::ZERO)) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() == LISTENER {
                accept_all(&poll, &listener, &mut members)?;
            } else if let Some(member) = members.get_mut(event.token().0) {
                // Readiness is edge-triggered: it is reported once, when it begins.
                member.is_readable |= event.is_readable();
                member.is_full &= !event.is_writable();
            }
        }
        turn(&mut members);
    }
}

fn accept_all(
    poll: &Poll,
    listener: &mio::net::TcpListener,
    members: &mut Members,
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Err(error) if would_block(&error) => return Ok(()),
            accepted => accepted?.0,
        };
        // An error means that the connection has ended, and the first read reports that.
        stream.set_nodelay(true).ok();
        let place = members.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, Token(place.key()), interest)?;
        place.insert(Member::new(stream));
    }
}

/// Reads from all readable members, puts each pair into the queue of every other member, and then
/// writes to each once.
fn turn(members: &mut Members) {
    let readable = members.iter().filter(|(_, member)| member.is_readable);
    let readable: Vec<usize> = readable.map(|(place, _)| place).collect();
    for from in readable {
        let pairs = members[from].read();
        let others =
            members.iter_mut().filter(|(place, other)| *place != from && other.has_joined());
        others.for_each(|(_, other)| other.due.extend(pairs.iter().cloned()));
    }
    members.iter_mut().for_each(|(_, member)| member.write());
    members.retain(|_, member| !member.has_left || !member.due.is_empty());
}

/// A client, and the pairs that it must still receive.
struct Member {
    frames: Frames<TcpStream>,
    /// Its name, once it has sent it.
    name: Option<Bytes>,
    /// Without a bound.
    due: VecDeque<Bytes>,
    /// Whether there may be more to read.
    is_readable: bool,
    /// Whether its socket is full.
    is_full: bool,
    /// It sends nothing more, and still receives what is due.
    has_left: bool,
}

impl Member {
    fn new(stream: TcpStream) -> Self {
        let (is_readable, is_full, has_left) = (false, false, false);
        let (frames, due) = (Frames::of(stream), VecDeque::new());
        Self { frames, name: None, due, is_readable, is_full, has_left }
    }

    fn has_joined(&self) -> bool {
        self.name.is_some() && !self.has_left
    }

    /// The pairs that it has sent.
    fn read(&mut self) -> Vec<Bytes> {
        let mut pairs = Vec::new();
        while self.is_readable && pairs.len() < PAIRS_PER_TURN {
            match (self.frames.next(), &self.name) {
                (Ok(Some(name)), None) => self.name = Some(name),
                (Ok(Some(text)), Some(name)) => pairs.push(pair(name, &text)),
                (Err(error), _) if would_block(&error) => self.is_readable = false,
                (Ok(None) | Err(_), _) => (self.is_readable, self.has_left) = (false, true),
            }
        }
        pairs
    }

    /// Writes everything due in one system call, if the socket takes it.
    fn write(&mut self) {
        while !self.is_full && !self.due.is_empty() {
            let due = self.due.iter().take(SLICES_MAX);
            let slices: Vec<_> = due.map(|pair| IoSlice::new(pair)).collect();
            match self.frames.stream.write_vectored(&slices) {
                Ok(taken) => self.advance(taken),
                Err(error) if would_block(&error) => self.is_full = true,
                Err(_) => (self.due, self.has_left) = (VecDeque::new(), true),
            }
        }
    }

    fn advance(&mut self, mut taken: usize) {
        while let Some(pair) = self.due.pop_front_if(|pair| pair.len() <= taken) {
            taken -= pair.len();
        }
        if taken > 0 {
            self.due[0].advance(taken);
        }
    }
}

/// Whether the socket is empty or full for now.
fn would_block(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
}

const LISTENER: Token = Token(usize::MAX);
const EVENTS: usize = 1024;
/// A member that sends more waits until the others have had their turn.
const PAIRS_PER_TURN: usize = 1024;
/// The kernel takes no more in one call.
const SLICES_MAX: usize = 1024;
