//! Listener: accepts clients, or rejects them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use server_core::listen::AcceptBackoff;
use server_core::socket::{self, LINGERING_MAX};
use server_core::{CloseReason, Wake};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::{PROGRAM, Server, close, connection};

/// Accepts clients at every listener until the shutdown, in a task for each. Closes the listeners.
pub(crate) async fn accept_all(
    server: &Arc<Server>,
    listeners: Vec<std::net::TcpListener>,
) -> io::Result<()> {
    let mut accepting = JoinSet::new();
    for listener in listeners {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let server = Arc::clone(server);
        accepting.spawn(async move { accept_loop(&server, &listener).await });
    }
    // A task that panicked has reported it itself.
    while accepting.join_next().await.is_some() {}
    Ok(())
}

/// Accepts clients at one listener until the shutdown.
async fn accept_loop(server: &Arc<Server>, listener: &TcpListener) {
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
                if let Some(delay) = backoff.delay(&error, Instant::now()) {
                    sleep(delay).await;
                }
            }
        }
    }
}

/// Serves a client in a task, or rejects it if there are too many (SPEC RES-09).
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

/// Sends a client the reason, half-closes and lingers, if not too many linger already (SPEC RES-09).
fn reject(server: &Arc<Server>, stream: TcpStream, mut reason: CloseReason) {
    socket::reject(&stream, server_core::rejection(&reason));
    let mut state = server.lock();
    // No connection waits for a client that was never served.
    let _ = state.room.leave(None, &mut reason);
    if state.lingering >= LINGERING_MAX {
        drop(state);
        // It is closed at once, whether it has read the reason or not.
        let _ = socket::discard_input(&stream);
        return;
    }
    state.lingering += 1;
    drop(state);
    let server = Arc::clone(server);
    tokio::spawn(async move {
        close::linger(&server, &stream).await;
        drop(stream);
        server.lock().lingering -= 1;
        server.wake(Wake::Waiters);
    });
}
