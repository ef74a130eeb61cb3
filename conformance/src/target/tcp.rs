//! TCP: a connection with a deadline on every wait.

mod queue;

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;

use self::queue::unread_by_server;
use super::{Evidence, Received, Wire};

/// A client's end of a TCP connection.
#[derive(Debug)]
pub struct TcpWire {
    /// `None` after [`reset`](Wire::reset).
    stream: Option<TcpStream>,
    /// The address of the client, then that of the server.
    ends: (SocketAddr, SocketAddr),
}

impl TcpWire {
    /// Connects within five seconds, and sets `TCP_NODELAY`.
    ///
    /// # Errors
    ///
    /// No server listens there, or the connection is not made in time.
    pub fn connect(addr: SocketAddr) -> io::Result<Self> {
        Self::accepted(TcpStream::connect_timeout(&addr, CONNECT_WITHIN)?)
    }

    /// The suite's end of a connection that a client has made to it.
    ///
    /// # Errors
    ///
    /// The connection has ended already.
    pub fn accepted(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_WITHIN))?;
        let ends = (stream.local_addr()?, stream.peer_addr()?);
        Ok(Self { stream: Some(stream), ends })
    }

    fn stream(&self) -> io::Result<&TcpStream> {
        self.stream.as_ref().ok_or_else(|| ErrorKind::NotConnected.into())
    }

    fn read(&self, most: usize, within: Duration) -> io::Result<Vec<u8>> {
        let mut stream = self.stream()?;
        let mut bytes = vec![0; most];
        // The standard library rejects a timeout of zero.
        stream.set_nonblocking(within.is_zero())?;
        if !within.is_zero() {
            stream.set_read_timeout(Some(within))?;
        }
        let count = uninterrupted(|| stream.read(&mut bytes));
        acknowledge_at_once(stream);
        stream.set_nonblocking(false)?;
        bytes.truncate(count?);
        Ok(bytes)
    }
}

impl Wire for TcpWire {
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream()?.write_all(bytes)
    }

    fn try_send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut stream = self.stream()?;
        stream.set_nonblocking(true)?;
        let taken = uninterrupted(|| stream.write(bytes));
        stream.set_nonblocking(false)?;
        match taken {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            taken => taken,
        }
    }

    fn shrink_receive_buffer(&mut self) {
        if let Ok(stream) = self.stream() {
            // If it fails, the kernel accepts more bytes, and the test takes longer.
            SockRef::from(stream).set_recv_buffer_size(SMALL_BUFFER_BYTES).ok();
        }
    }

    fn wait_for_break(&mut self, within: Duration) -> bool {
        let Ok(stream) = self.stream() else { return true };
        // HUP and ERR are reported without being requested.
        let mut waits = [PollFd::new(stream, PollFlags::empty())];
        let within =
            Timespec::try_from(within).expect("no test waits longer than a timespec can hold");
        // If a signal interrupts it, the wait is shorter.
        poll(&mut waits, Some(&within)).ok();
        waits[0].revents().intersects(PollFlags::HUP | PollFlags::ERR)
    }

    fn receive(&mut self, most: usize, within: Duration) -> Received {
        match self.read(most, within) {
            Ok(bytes) if bytes.is_empty() => Received::Eof,
            Ok(bytes) => Received::Bytes(bytes),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut => Received::Silence,
                _ => Received::Reset,
            },
        }
    }

    fn half_close(&mut self) -> io::Result<()> {
        self.stream()?.shutdown(Shutdown::Write)
    }

    fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            // A close with a linger of zero sends RST. If the option cannot be set, the drop sends
            // FIN.
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).ok();
        }
    }

    fn await_read(&mut self, within: Duration) -> Evidence {
        let start = Instant::now();
        while let Some(unread) = unread_by_server(self.ends) {
            if unread == 0 {
                return Evidence::Observed;
            }
            if start.elapsed() > within {
                break;
            }
            // The kernel has no event for this.
            thread::yield_now();
        }
        thread::sleep(PACE);
        Evidence::Assumed
    }
}

/// A server without `TCP_NODELAY` waits for our acknowledgement before it sends the next pair, and
/// the kernel may delay that by 40 ms: a test of a hundred relays would take seconds.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(stream: &TcpStream) {
    // The option must be set again after each read. If it fails, the test takes longer.
    SockRef::from(stream).set_tcp_quickack(true).ok();
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_stream: &TcpStream) {}

/// Repeats a system call that a signal has interrupted.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The kernel sends a lost SYN again after one second and after three.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// About as much as the kernel accepts before the client reads. With less than two of loopback's
/// segments of 64 KiB, the sender would wait for its timer.
const SMALL_BUFFER_BYTES: usize = 128 * 1024;
/// The time in which a server that reads has read everything, where the kernel does not report it.
const PACE: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn unread_bytes_are_counted_until_they_are_read() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut wire = TcpWire::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        wire.send(b"hello").unwrap();
        if cfg!(target_os = "linux") {
            assert_eq!(Some(5), unread_by_server(wire.ends));
        }
        server.read_exact(&mut [0; 5]).unwrap();
        let expected =
            if cfg!(target_os = "linux") { Evidence::Observed } else { Evidence::Assumed };
        assert_eq!(expected, wire.await_read(Duration::from_secs(2)));
    }

    #[test]
    fn a_reset_is_distinguished_from_eof() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        for expected in [Received::Reset, Received::Eof] {
            let mut wire = TcpWire::connect(listener.local_addr().unwrap()).unwrap();
            let (server, _) = listener.accept().unwrap();
            if expected == Received::Reset {
                SockRef::from(&server).set_linger(Some(Duration::ZERO)).unwrap();
            }
            drop(server);
            assert_eq!(expected, wire.receive(1, Duration::from_secs(2)));
        }
    }
}
