//! Misbehaviour crowd: clients that are in everybody's way, and how they are brought in.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use super::connect::{ReceiveBuffer, fresh_number, open};
use super::error::LoadError;
use crate::wire::Dialect;

/// How a client is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Misbehaviour {
    /// It connects and says nothing.
    Silent,
    /// It stops in the middle of the first thing that it has to say.
    MidFrame,
    /// It joins and never reads, and little fits on the way to it.
    NeverReading,
}

impl Misbehaviour {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Silent, Self::MidFrame, Self::NeverReading];

    /// What such a client says, ever.
    fn speech(self, dialect: Dialect, name: &str) -> Vec<u8> {
        let mut speech = dialect.hello(name, false);
        match self {
            Self::Silent => speech.clear(),
            Self::MidFrame => {
                if speech.is_empty() {
                    // Where nobody has to say who it is, a message is the first thing to say.
                    dialect.begin_message(name, MESSAGE_BYTES, &mut speech);
                }
                speech.truncate(speech.len() / 2);
            }
            Self::NeverReading => {}
        }
        speech
    }
}

/// Such clients, connected for as long as this lives and the server lets them.
#[derive(Debug)]
pub struct BadClients {
    streams: Vec<TcpStream>,
}

impl BadClients {
    /// Brings in `count` of every one of these kinds. They have been connected then, and have said what they say;
    /// a crowd that joins afterwards comes behind them.
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
        let everybody = kinds.iter().flat_map(|kind| (0..count).map(move |each| (*kind, each)));
        let streams = everybody.map(|(kind, each)| {
            let name = format!("bad-{number}-{kind:?}-{each:03}").to_lowercase();
            let buffer = if kind == Misbehaviour::NeverReading {
                ReceiveBuffer::Small
            } else {
                ReceiveBuffer::Default
            };
            open(addr, buffer)
                .and_then(|mut stream| {
                    stream.write_all(&kind.speech(dialect, &name))?;
                    Ok(stream)
                })
                .map_err(LoadError::io(format!("bringing in {name}")))
        });
        Ok(Self { streams: streams.collect::<Result<_, _>>()? })
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}

/// Of a message that is announced and never said.
const MESSAGE_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use std::io::{self, Read};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn each_kind_says_what_it_says_and_stays_until_the_end() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let addr = listener.local_addr()?;
        for dialect in [Dialect::Chat, Dialect::Floor, Dialect::Nats] {
            let bad =
                BadClients::connect(addr, dialect, &Misbehaviour::ALL, 2).expect("they are let in");
            assert_eq!((6, false), (bad.len(), bad.is_empty()));
            let streams: Vec<TcpStream> = listener.incoming().take(6).collect::<Result<_, _>>()?;
            for stream in &streams {
                stream.set_nonblocking(true)?;
                while matches!((&*stream).read(&mut [0; 4096]), Ok(1..)) {}
                let still = (&*stream).read(&mut [0; 1]).map_err(|error| error.kind());
                assert_eq!(Err(io::ErrorKind::WouldBlock), still, "it is there");
            }
            drop(bad);
            for mut stream in streams {
                stream.set_nonblocking(false)?;
                assert_eq!(0, stream.read(&mut [0; 1])?, "it is gone");
            }
        }
        Ok(())
    }

    #[test]
    fn one_in_the_middle_has_begun_and_not_ended() {
        for dialect in [Dialect::Chat, Dialect::Floor, Dialect::Redis, Dialect::Nats, Dialect::Mqtt]
        {
            assert!(Misbehaviour::Silent.speech(dialect, "bad").is_empty());
            let half = Misbehaviour::MidFrame.speech(dialect, "bad");
            let whole = Misbehaviour::NeverReading.speech(dialect, "bad");
            assert_eq!(dialect.hello("bad", false), whole);
            assert!(!half.is_empty() && half != whole, "{dialect:?}");
            assert!(whole.is_empty() || whole.starts_with(&half), "{dialect:?}");
        }
    }
}
