//! Blocking: two threads between two clients. Each reads from one and writes to the other.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use protocol::{HEADER_LEN, parse_header};

/// Connects every two clients of `listener` with each other, in the order in which they connect.
///
/// # Errors
///
/// Accepting fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (first, second) = (accept(listener)?, accept(listener)?);
        for (from, to) in [(&first, &second), (&second, &first)] {
            let (from, to) = (from.try_clone()?, to.try_clone()?);
            thread::Builder::new().spawn(move || copy(from, to))?;
        }
    }
}

/// The next client that sends its name, which is not relayed. A client that only tests whether the
/// port is open sends none.
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        let (mut stream, _) = listener.accept()?;
        // An error means that the connection has ended, and the first read reports that.
        stream.set_nodelay(true).ok();
        if read_name(&mut stream).is_ok() {
            return Ok(stream);
        }
    }
}

/// Reads one frame and no byte after it, and keeps nothing: what follows is for the thread that
/// copies bytes. `protocol::Decoder` would read further.
fn read_name(stream: &mut TcpStream) -> io::Result<()> {
    let mut header = [0; HEADER_LEN];
    stream.read_exact(&mut header)?;
    let announced = parse_header(&header).ok().flatten().ok_or(io::ErrorKind::InvalidData)?;
    io::copy(&mut stream.take(announced), &mut io::sink()).map(drop)
}

/// Copies what one client sends to the other, until one of them leaves. Then it ends both
/// connections.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut chunk = vec![0; READ_CHUNK];
    while let Ok(count @ 1..) = from.read(&mut chunk) {
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    // This fails for a connection that has ended.
    from.shutdown(Shutdown::Both).ok();
    to.shutdown(Shutdown::Both).ok();
}

const READ_CHUNK: usize = 64 * 1024;
