//! Blocking: two threads between two clients, each reading from one and writing to the other.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// Joins every two clients of `listener`, in the order they come.
///
/// # Errors
///
/// Accepting fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let mut first = accept(listener)?;
        let mut second = accept(listener)?;
        // Whoever only looked whether somebody listens is not half of a couple.
        while has_left(&first)? {
            (first, second) = (second, accept(listener)?);
        }
        for (from, to) in [(&first, &second), (&second, &first)] {
            let (from, to) = (from.try_clone()?, to.try_clone()?);
            thread::Builder::new().spawn(move || pass_on(from, to))?;
        }
    }
}

fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, _) = listener.accept()?;
    // An error means that the connection is gone already, and its first read tells that.
    stream.set_nodelay(true).ok();
    Ok(stream)
}

fn has_left(stream: &TcpStream) -> io::Result<bool> {
    stream.set_nonblocking(true)?;
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false)?;
    Ok(match seen {
        Ok(count) => count == 0,
        Err(error) => error.kind() != io::ErrorKind::WouldBlock,
    })
}

/// Passes on what one says until either has left, and lets the other go then.
fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = vec![0; READ_CHUNK];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    // They may be gone already.
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

const READ_CHUNK: usize = 64 * 1024;
