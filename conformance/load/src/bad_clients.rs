//! Bad clients: connections that obstruct a server while a crowd measures it.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use super::connect::{ReceiveBuffer, fresh_number, open};
use super::error::LoadError;
use crate::wire::Dialect;

/// How a client obstructs the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Misbehaviour {
    /// It connects and sends nothing.
    Silent,
    /// It stops in the middle of the first frame, or message, that it has to send.
    MidFrame,
    /// It joins with a small receive buffer and never reads.
    NeverReading,
}

impl Misbehaviour {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Silent, Self::MidFrame, Self::NeverReading];

    /// All bytes that such a client ever sends.
    fn bytes(self, dialect: Dialect, name: &str) -> Vec<u8> {
        let mut bytes = dialect.hello(name, false);
        match self {
            Self::Silent => bytes.clear(),
            Self::MidFrame => {
                if bytes.is_empty() {
                    // In a dialect without a hello, the first thing to send is a message.
                    dialect.begin_message(name, MESSAGE_BYTES, &mut bytes);
                }
                bytes.truncate(bytes.len() / 2);
            }
            Self::NeverReading => {}
        }
        bytes
    }
}

/// Clients that misbehave. They stay connected until this is dropped or the server closes their
/// connections.
#[derive(Debug)]
pub struct BadClients {
    streams: Vec<TcpStream>,
}

impl BadClients {
    /// Connects `count` clients of each of these kinds. When it returns, each has sent all that it
    /// ever sends, and a crowd that joins afterwards joins after them.
    ///
    /// # Errors
    ///
    /// A connection cannot be made or is closed at once.
    pub fn connect(
        addr: SocketAddr,
        dialect: Dialect,
        kinds: &[Misbehaviour],
        count: usize,
    ) -> Result<Self, LoadError> {
        let number = fresh_number();
        let all = kinds.iter().flat_map(|kind| (0..count).map(move |each| (*kind, each)));
        let streams = all.map(|(kind, each)| {
            let name = format!("bad-{number}-{kind:?}-{each:03}").to_lowercase();
            let buffer = if kind == Misbehaviour::NeverReading {
                ReceiveBuffer::Small
            } else {
                ReceiveBuffer::Default
            };
            open(addr, buffer)
                .and_then(|mut stream| {
                    stream.write_all(&kind.bytes(dialect, &name))?;
                    Ok(stream)
                })
                .map_err(LoadError::io(format!("connecting {name}")))
        });
        Ok(Self { streams: streams.collect::<Result<_, _>>()? })
    }

    /// How many clients were connected.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no client was connected.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}

/// Of a message that is announced and never sent in full.
const MESSAGE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn each_kind_sends_its_bytes_and_stays_connected_until_it_is_dropped() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        for dialect in [Dialect::Chat, Dialect::Floor, Dialect::Nats] {
            let bad = BadClients::connect(addr, dialect, &Misbehaviour::ALL, 2);
            let bad = bad.expect("the listener accepts them");
            assert_eq!((6, false), (bad.len(), bad.is_empty()));
            let streams: Vec<TcpStream> = listener.incoming().take(6).collect::<Result<_, _>>()?;
            for stream in &streams {
                stream.set_nonblocking(true)?;
                while matches!((&*stream).read(&mut [0; 4096]), Ok(1..)) {}
                let open = (&*stream).read(&mut [0; 1]).map_err(|error| error.kind());
                assert_eq!(Err(io::ErrorKind::WouldBlock), open, "it is connected");
            }
            drop(bad);
            for mut stream in streams {
                stream.set_nonblocking(false)?;
                assert_eq!(0, stream.read(&mut [0; 1])?, "it has closed");
            }
        }
        Ok(())
    }

    #[test]
    fn a_client_in_the_middle_of_a_frame_has_sent_a_part_of_it() {
        for dialect in [Dialect::Chat, Dialect::Floor, Dialect::Redis, Dialect::Nats, Dialect::Mqtt]
        {
            assert!(Misbehaviour::Silent.bytes(dialect, "bad").is_empty());
            let half = Misbehaviour::MidFrame.bytes(dialect, "bad");
            let whole = Misbehaviour::NeverReading.bytes(dialect, "bad");
            assert_eq!(dialect.hello("bad", false), whole);
            assert!(!half.is_empty() && half != whole, "{dialect:?}");
            assert!(whole.is_empty() || whole.starts_with(&half), "{dialect:?}");
        }
    }
}
