//! Listener: where clients come in, or are told why not.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::Instant;

use server_core::CloseReason;
use server_core::socket::{self, AcceptBackoff, LINGERING_MAX};

use crate::{PROGRAM, Server, connection};

/// Lets clients in until the shutdown.
pub(crate) fn accept_loop(server: &Arc<Server>, listener: &TcpListener, porter: &Porter) {
    let clients_max = server.settings.clients_max(PROGRAM.per_client);
    let mut backoff = AcceptBackoff::default();
    loop {
        let accepted = listener.accept();
        if server.shutdown.is_triggered() {
            return;
        }
        match accepted {
            Ok((stream, peer)) => admit(server, stream, peer, clients_max, porter),
            Err(error) => {
                if let Some(rest) = backoff.delay(&error, Instant::now()) {
                    thread::sleep(rest);
                }
            }
        }
    }
}

/// Gives a client a thread, or hands it to the porter if there is no place for it (SPEC RES-09).
fn admit(
    server: &Arc<Server>,
    stream: TcpStream,
    peer: SocketAddr,
    clients_max: usize,
    porter: &Porter,
) {
    let stream = Arc::new(stream);
    let mut state = server.lock();
    if state.connections >= clients_max {
        drop(state);
        return porter.turn_away(server, stream, CloseReason::Full);
    }
    state.connections += 1;
    state.reading += 1;
    drop(state);
    let (serving, served) = (Arc::clone(server), Arc::clone(&stream));
    let started = thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || connection::serve(&serving, &served, peer));
    if started.is_err() {
        let mut state = server.lock();
        state.connections -= 1;
        state.reading -= 1;
        drop(state);
        porter.turn_away(server, stream, CloseReason::Exhausted);
    }
}

/// The way to the thread that refuses clients there is no place for, so that no refusal needs a thread
/// of its own.
pub(crate) struct Porter(SyncSender<(Arc<TcpStream>, CloseReason)>);

impl Porter {
    fn turn_away(&self, server: &Server, stream: Arc<TcpStream>, reason: CloseReason) {
        if let Err(
            TrySendError::Full((stream, reason)) | TrySendError::Disconnected((stream, reason)),
        ) = self.0.try_send((stream, reason))
        {
            reject(server, &stream, reason);
            // It goes at once, with or without its last bytes.
            let _ = socket::drain(&stream);
        }
    }
}

/// Tells a client why it is refused and half-closes (SPEC RES-09).
fn reject(server: &Server, stream: &TcpStream, mut reason: CloseReason) {
    socket::reject(stream, server_core::rejection(&reason));
    // Nobody waits for somebody who was never in.
    let _ = server.lock().room.leave(None, &mut reason);
}

pub(crate) fn start_porter(server: &Arc<Server>) -> io::Result<Porter> {
    let (porter, surplus) = mpsc::sync_channel(LINGERING_MAX);
    let server = Arc::clone(server);
    thread::Builder::new().name("porter".into()).spawn(move || reject_all(&server, &surplus))?;
    Ok(Porter(porter))
}

/// Refuses each client and gives it a moment to read why.
fn reject_all(server: &Server, surplus: &Receiver<(Arc<TcpStream>, CloseReason)>) {
    let mut lingering: VecDeque<(Instant, Arc<TcpStream>)> = VecDeque::new();
    loop {
        let oldest = lingering.front().map(|(until, _)| *until);
        match receive(surplus, oldest) {
            Ok((stream, reason)) => {
                reject(server, &stream, reason);
                lingering.push_back((Instant::now() + server.settings.reject_linger, stream));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let now = Instant::now();
        let newest_goes = lingering.len() > LINGERING_MAX;
        let oldest_goes = |(until, _): &mut (Instant, _)| *until <= now;
        let over =
            if newest_goes { lingering.pop_back() } else { lingering.pop_front_if(oldest_goes) };
        // With or without its last bytes.
        over.map(|(_, stream)| socket::drain(&stream));
    }
}

fn receive<T>(channel: &Receiver<T>, until: Option<Instant>) -> Result<T, RecvTimeoutError> {
    match until {
        Some(until) => channel.recv_timeout(until.saturating_duration_since(Instant::now())),
        None => channel.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// A client's thread touches little of this; what it does not touch costs no memory.
const STACK: usize = 256 * 1024;
