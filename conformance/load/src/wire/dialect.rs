//! Dialect: how clients of a server under load join, speak and hear, whichever protocol it has.
//!
//! All of it is bytes in and bytes out, save the wait for a welcome. A message is the same stamped
//! text in every dialect; only what stands around it differs.
//!
//! | dialect | joins with | a speaker sends | a listener hears |
//! |---|---|---|---|
//! | chat | its name frame | message frames | pairs |
//! | floor | its name frame, which goes to nobody | whole pairs, its name included | the same pairs |
//! | redis | `SUBSCRIBE room` | `PUBLISH room` | `message` of `room` |
//! | nats | `CONNECT`, `SUB room 1`, `PING` | `PUB room` | `MSG room 1` |
//! | mqtt | CONNECT, SUBSCRIBE `room` | PUBLISH, `QoS` 0 | the same packets |

use std::io;
use std::net::TcpStream;

use protocol::HEADER_LEN;

use super::parse::{DialectError, LINE_END, Next};
use super::split::split_pair;
use super::{mqtt, nats, redis, welcome};

/// The protocol that the clients of a server speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// The chat protocol of this project.
    #[default]
    Chat,
    /// Pairs of the chat protocol that the speakers make themselves, for a server that only passes on.
    Floor,
    /// RESP, the protocol of Redis, with its publish and subscribe.
    Redis,
    /// The client protocol of NATS.
    Nats,
    /// MQTT 3.1.1 with a quality of service of 0.
    Mqtt,
}

impl Dialect {
    /// What a client sends right after it has connected.
    pub(crate) fn hello(self, name: &str, speaks: bool) -> Vec<u8> {
        match self {
            Self::Chat | Self::Floor => {
                let mut frame = Vec::new();
                protocol::encode_frame(name.as_bytes(), &mut frame);
                frame
            }
            Self::Redis => redis::hello(speaks),
            Self::Nats => nats::hello(name, speaks),
            Self::Mqtt => mqtt::hello(name, speaks),
        }
    }

    /// Waits until the server has answered the hello, and reads no byte beyond its answer.
    ///
    /// # Errors
    ///
    /// The answer is another one, or has not come in ten seconds, or the connection fails.
    pub(crate) fn await_welcome(self, stream: &mut TcpStream, speaks: bool) -> io::Result<()> {
        match self {
            Self::Chat | Self::Floor => Ok(()),
            Self::Redis => welcome::patiently(stream, |stream| redis::welcome(stream, speaks)),
            Self::Nats => welcome::patiently(stream, nats::welcome),
            Self::Mqtt => welcome::patiently(stream, |stream| mqtt::welcome(stream, speaks)),
        }
    }

    /// Bytes that a message of `size` bytes takes at a listener, if the speaker's name has `name_len`.
    pub(crate) fn delivery_len(self, name_len: usize, size: usize) -> usize {
        match self {
            Self::Chat | Self::Floor => 2 * HEADER_LEN + name_len + size,
            Self::Redis => redis::delivery_len(size),
            Self::Nats => nats::delivery_len(size),
            Self::Mqtt => mqtt::packet_len(size),
        }
    }

    /// Appends what stands before a message of `size` bytes as its speaker sends it.
    pub(crate) fn begin_message(self, name: &str, size: usize, out: &mut Vec<u8>) {
        match self {
            Self::Chat => out.extend_from_slice(&protocol::header(size)),
            Self::Floor => {
                protocol::encode_frame(name.as_bytes(), out);
                out.extend_from_slice(&protocol::header(size));
            }
            Self::Redis => redis::begin_message(size, out),
            Self::Nats => nats::begin_message(size, out),
            Self::Mqtt => mqtt::begin_message(size, out),
        }
    }

    /// Appends what stands behind it.
    pub(crate) fn end_message(self, out: &mut Vec<u8>) {
        match self {
            Self::Chat | Self::Floor | Self::Mqtt => {}
            Self::Redis | Self::Nats => out.extend_from_slice(LINE_END),
        }
    }

    /// The next thing that a client hears, where it lies; no message may be longer than `limit`.
    ///
    /// # Errors
    ///
    /// It is not of this dialect, or a refusal, or too long.
    pub(crate) fn split(self, bytes: &[u8], limit: usize) -> Result<Next<'_>, DialectError> {
        match self {
            Self::Chat | Self::Floor => {
                Ok(split_pair(bytes, limit)?.map(|(heard, rest)| (Some(heard), rest)))
            }
            Self::Redis => redis::split(bytes, limit),
            Self::Nats => nats::split(bytes, limit),
            Self::Mqtt => mqtt::split(bytes, limit),
        }
    }

    /// Whether what is heard names who said it; otherwise [`PairRef::sender`] is empty.
    pub(crate) fn carries_sender(self) -> bool {
        matches!(self, Self::Chat | Self::Floor)
    }

    /// Whether those who speak hear the others; otherwise a speaker only speaks.
    pub(crate) fn speakers_hear(self) -> bool {
        matches!(self, Self::Chat | Self::Floor)
    }
}
