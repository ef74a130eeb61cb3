//! Acceptor: accepts the clients of a test's own server, one thread for each, until it is dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A listener and its thread. Dropping it ends both. The clients' threads end with their
/// connections.
pub(crate) struct Acceptor {
    pub(crate) addr: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    /// Calls `serve` in a new thread for each client, with the client's number in the order of
    /// connects, from 0.
    pub(crate) fn start(serve: impl Fn(usize, TcpStream) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let is_over = Arc::new(AtomicBool::new(false));
        let shared = Arc::clone(&is_over);
        let thread = Some(thread::spawn(move || accept_loop(&listener, &shared, &serve)));
        Self { addr, is_over, thread }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // A connection ends the wait in accept.
        drop(TcpStream::connect(self.addr));
        self.thread.take().map(JoinHandle::join);
    }
}

fn accept_loop(
    listener: &TcpListener,
    is_over: &AtomicBool,
    serve: &(impl Fn(usize, TcpStream) + Clone + Send + 'static),
) {
    for (number, stream) in listener.incoming().flatten().enumerate() {
        if is_over.load(Ordering::SeqCst) {
            return;
        }
        let serve = serve.clone();
        thread::spawn(move || serve(number, stream));
    }
}
