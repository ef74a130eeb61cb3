//! Listener: where clients come in, or are told why not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use server_core::CloseReason;
use server_core::socket::{self, AcceptBackoff, LINGERING_MAX};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::{PROGRAM, Server, connection};

/// Lets clients in until the shutdown.
pub(crate) async fn accept_loop(server: &Arc<Server>, listener: &TcpListener) {
    let clients_max = server.settings.clients_max(PROGRAM.per_client);
    let mut backoff = AcceptBackoff::default();
    let mut stopping = server.stopping.subscribe();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => admit(server, stream, peer, clients_max),
            Err(error) => {
                if let Some(rest) = backoff.delay(&error, Instant::now()) {
                    sleep(rest).await;
                }
            }
        }
    }
}

/// Gives a client a task, or refuses it if there is no place for it (SPEC RES-09).
fn admit(server: &Arc<Server>, stream: TcpStream, peer: SocketAddr, clients_max: usize) {
    let mut state = server.lock();
    if state.connections.len() >= clients_max {
        drop(state);
        return reject(server, stream, CloseReason::Full);
    }
    let place = state.connections.insert(Waker::noop().clone());
    state.reading += 1;
    drop(state);
    let server = Arc::clone(server);
    tokio::spawn(async move { connection::serve(&server, stream, peer, place).await });
}

/// Tells a client why it is refused, half-closes, and gives it a moment to read (SPEC RES-09).
fn reject(server: &Arc<Server>, stream: TcpStream, mut reason: CloseReason) {
    socket::reject(&stream, server_core::rejection(&reason));
    let mut state = server.lock();
    // Nobody waits for somebody who was never in.
    let _ = state.room.leave(None, &mut reason);
    if state.lingering >= LINGERING_MAX {
        drop(state);
        // It goes at once, with or without its last bytes.
        let _ = socket::drain(&stream);
        return;
    }
    state.lingering += 1;
    drop(state);
    let server = Arc::clone(server);
    tokio::spawn(async move {
        connection::linger(&server, &stream).await;
        server.lock().lingering -= 1;
    });
}
