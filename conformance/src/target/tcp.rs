//! A connection over TCP, with a bound on every wait.

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
    /// Gone once the connection was reset by us.
    stream: Option<TcpStream>,
    ends: (SocketAddr, SocketAddr),
}

impl TcpWire {
    /// Connects, without Nagle's delay, within five seconds.
    ///
    /// # Errors
    ///
    /// Nobody listens there, or the connection is not made in time.
    pub fn connect(addr: SocketAddr) -> io::Result<Self> {
        Self::accepted(TcpStream::connect_timeout(&addr, CONNECT_WITHIN)?)
    }

    /// The other end of a connection that a client made to us.
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
        // The standard library refuses a timeout of zero.
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
            // Where it fails the kernel takes more, and the test needs longer.
            SockRef::from(stream).set_recv_buffer_size(SMALL_BUFFER_BYTES).ok();
        }
    }

    fn wait_for_break(&mut self, within: Duration) -> bool {
        let Ok(stream) = self.stream() else { return true };
        // Nothing is asked for: a broken connection is told all the same.
        let mut waits = [PollFd::new(stream, PollFlags::empty())];
        let within =
            Timespec::try_from(within).expect("no test waits for longer than a clock tells");
        // A signal only makes the wait shorter.
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
            // Closing with no time to linger sends RST; should it fail, dropping sends FIN.
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
            // There is no event to wait for.
            thread::yield_now();
        }
        thread::sleep(PACE);
        Evidence::Assumed
    }
}

/// A server without `TCP_NODELAY` waits for our acknowledgement before it sends the next pair, and the
/// kernel likes to delay that by 40 ms: a test of a hundred relays would take seconds.
#[cfg(target_os = "linux")]
fn acknowledge_at_once(stream: &TcpStream) {
    // The option does not last, and where it fails things only take longer.
    SockRef::from(stream).set_tcp_quickack(true).ok();
}

#[cfg(not(target_os = "linux"))]
fn acknowledge_at_once(_stream: &TcpStream) {}

/// A signal is no reason to stop waiting.
fn uninterrupted(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// A lost SYN is sent again after one second and after three.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Taken from the server before it is read, about. Less than two of loopback's segments of 64 KiB would
/// leave the sender to its timer.
const SMALL_BUFFER_BYTES: usize = 128 * 1024;
/// What a server that reads at all needs at most, where that cannot be seen.
const PACE: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn unread_bytes_are_seen_until_they_are_read() {
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
    fn a_reset_is_told_from_an_end() {
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
