//! Listener: accepts clients, or rejects them.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Instant;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use server_core::CloseReason;
use server_core::listen::AcceptBackoff;
use server_core::socket::{self, LINGERING_MAX};

use crate::Server;
use crate::connection::Phase;

/// The listening socket, and whether clients may be waiting at it.
pub(crate) struct Listener {
    socket: TcpListener,
    token: Token,
    clients_max: usize,
    ready: bool,
    /// Until when no client is accepted, because the machine had no resources for one.
    paused_until: Option<Instant>,
    backoff: AcceptBackoff,
}

impl Listener {
    pub(crate) fn new(
        listener: std::net::TcpListener,
        registry: &Registry,
        token: Token,
        clients_max: usize,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let mut socket = TcpListener::from_std(listener);
        registry.register(&mut socket, token, Interest::READABLE)?;
        let backoff = AcceptBackoff::default();
        Ok(Self { socket, token, clients_max, ready: true, paused_until: None, backoff })
    }

    /// Records that a client may be waiting, if this listener has the token.
    pub(crate) fn note_ready(&mut self, token: Token) {
        self.ready |= token == self.token;
    }

    /// Whether a client may be waiting and can be accepted now.
    pub(crate) fn may_accept(&self) -> bool {
        self.ready && self.paused_until.is_none()
    }

    /// When accepting goes on after a pause.
    pub(crate) fn paused_until(&self) -> Option<Instant> {
        self.paused_until
    }

    /// The next client; `None` if there is none for now.
    fn accept(&mut self) -> Option<(TcpStream, SocketAddr)> {
        while self.may_accept() {
            match self.socket.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.ready = false,
                Err(error) => {
                    let now = Instant::now();
                    self.paused_until = self.backoff.delay(&error, now).map(|delay| now + delay);
                }
            }
        }
        None
    }

    fn end_pause(&mut self, now: Instant) {
        self.paused_until = self.paused_until.filter(|until| *until > now);
    }
}

impl Server {
    /// Accepts the clients that wait at every listener.
    pub(crate) fn accept_all(&mut self) {
        let mut listeners = std::mem::take(&mut self.listeners);
        for listener in &mut listeners {
            self.accept_loop(listener);
        }
        self.listeners = listeners;
    }

    /// Accepts the clients that wait at one listener, as many as one turn allows.
    fn accept_loop(&mut self, listener: &mut Listener) {
        listener.end_pause(Instant::now());
        for _ in 0..ACCEPTS_PER_TURN {
            let Some((stream, peer)) = listener.accept() else { break };
            self.admit(stream, peer, listener.clients_max);
        }
    }

    /// Serves a client, or rejects it if there are too many (SPEC RES-09).
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

    /// Sends a client the reason, half-closes and lingers, if not too many linger already (SPEC RES-09).
    fn reject(&mut self, stream: TcpStream, peer: SocketAddr, mut reason: CloseReason) {
        socket::reject(&stream, server_core::rejection(&reason));
        // No connection waits for a client that was never served.
        let _ = self.room.leave(None, &mut reason);
        if self.lingering >= LINGERING_MAX {
            // It is closed at once, whether it has read the reason or not.
            let _ = socket::discard_input(&stream);
            return;
        }
        self.lingering += 1;
        let place = self.insert(stream, peer, Phase::Rejected);
        self.start_lingering(place, Phase::Rejected);
    }
}

/// Clients accepted at one listener before the connected ones have their turn.
const ACCEPTS_PER_TURN: usize = 256;
