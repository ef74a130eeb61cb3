//! Listener: where clients come in, or are told why not.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use server_core::CloseReason;
use server_core::socket::{self, AcceptBackoff, LINGERING_MAX};

use crate::{LISTENER, Server};

/// The listening socket, and whether it may have clients waiting.
pub(crate) struct Listener {
    socket: TcpListener,
    clients_max: usize,
    ready: bool,
    /// When the machine had nothing left for a new connection: until when to rest.
    resting_until: Option<Instant>,
    backoff: AcceptBackoff,
}

impl Listener {
    pub(crate) fn new(
        listener: std::net::TcpListener,
        registry: &Registry,
        clients_max: usize,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut socket = TcpListener::from_std(listener);
        registry.register(&mut socket, LISTENER, Interest::READABLE)?;
        let backoff = AcceptBackoff::default();
        Ok(Self { socket, clients_max, ready: true, resting_until: None, backoff })
    }

    pub(crate) fn note_ready(&mut self) {
        self.ready = true;
    }

    /// Whether there may be clients that need not be waited for.
    pub(crate) fn may_accept(&self) -> bool {
        self.ready && self.resting_until.is_none()
    }

    /// When accepting goes on.
    pub(crate) fn resting_until(&self) -> Option<Instant> {
        self.resting_until
    }

    /// The next client; `None` if there is none for now.
    fn accept(&mut self) -> Option<(TcpStream, SocketAddr)> {
        while self.may_accept() {
            match self.socket.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.ready = false,
                Err(error) => {
                    let now = Instant::now();
                    self.resting_until = self.backoff.delay(&error, now).map(|rest| now + rest);
                }
            }
        }
        None
    }

    fn rest_is_over(&mut self, now: Instant) {
        self.resting_until = self.resting_until.filter(|until| *until > now);
    }
}

impl Server {
    /// Lets in the clients that wait, as many as one turn allows.
    pub(crate) fn accept_loop(&mut self) {
        let Some(mut listener) = self.listener.take() else { return };
        listener.rest_is_over(Instant::now());
        for _ in 0..ACCEPTS_PER_TURN {
            let Some((stream, peer)) = listener.accept() else { break };
            self.admit(stream, peer, listener.clients_max);
        }
        self.listener = Some(listener);
    }

    /// Gives a client a place, or refuses it if there is none for it (SPEC RES-09).
    fn admit(&mut self, mut stream: TcpStream, peer: SocketAddr, clients_max: usize) {
        let place = self.connections.vacant_key();
        let both = Interest::READABLE | Interest::WRITABLE;
        let registered = self.poll.registry().register(&mut stream, Token(place), both);
        if self.connections.len() - self.lingering >= clients_max {
            return self.reject(stream, peer, CloseReason::Full);
        }
        if registered.is_err() {
            return self.reject(stream, peer, CloseReason::Exhausted);
        }
        self.connect(stream, peer);
    }

    /// Tells a client why it is refused, half-closes, and gives it a moment to read (SPEC RES-09).
    fn reject(&mut self, stream: TcpStream, peer: SocketAddr, mut reason: CloseReason) {
        socket::reject(&stream, server_core::rejection(&reason));
        let release = self.room.leave(None, &mut reason);
        self.wake(release);
        if self.lingering >= LINGERING_MAX {
            // It goes at once, with or without its last bytes.
            let _ = socket::drain(&stream);
            return;
        }
        self.lingering += 1;
        self.turn_away(stream, peer);
    }
}

/// Clients let in before those that are here have their turn.
const ACCEPTS_PER_TURN: usize = 256;
