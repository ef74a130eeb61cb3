//! Dialect: how clients join, send and receive in each protocol.
//!
//! It is bytes in and bytes out, except for the wait for the server's answer to the hello. A
//! message is the same stamped text in every dialect; only the bytes around it differ.
//!
//! | dialect | joins with | a speaker sends | a listener receives |
//! |---|---|---|---|
//! | chat | its name frame | message frames | pairs |
//! | floor | its name frame, which is not relayed | whole pairs with its name | the same pairs |
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
    /// Pairs of the chat protocol that the speakers make themselves, for a server that only relays
    /// bytes.
    Floor,
    /// RESP, the protocol of Redis, with its publish and subscribe.
    Redis,
    /// The client protocol of NATS.
    Nats,
    /// MQTT 3.1.1 with a quality of service of 0.
    Mqtt,
}

impl Dialect {
    /// The bytes that a client sends as soon as it is connected.
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

    /// Waits until the server has answered the hello, and reads no byte after its answer.
    ///
    /// # Errors
    ///
    /// The answer is another one, it does not come within ten seconds, or the connection fails.
    pub(crate) fn await_welcome(self, stream: &mut TcpStream, speaks: bool) -> io::Result<()> {
        match self {
            Self::Chat | Self::Floor => Ok(()),
            Self::Redis => welcome::with_timeout(stream, |stream| redis::welcome(stream, speaks)),
            Self::Nats => welcome::with_timeout(stream, nats::welcome),
            Self::Mqtt => welcome::with_timeout(stream, |stream| mqtt::welcome(stream, speaks)),
        }
    }

    /// Bytes that a listener receives for a message of `size` bytes of a speaker whose name has
    /// `name_len` bytes.
    pub(crate) fn delivery_len(self, name_len: usize, size: usize) -> usize {
        match self {
            Self::Chat | Self::Floor => 2 * HEADER_LEN + name_len + size,
            Self::Redis => redis::delivery_len(size),
            Self::Nats => nats::delivery_len(size),
            Self::Mqtt => mqtt::packet_len(size),
        }
    }

    /// Appends the bytes that its speaker sends before a message of `size` bytes.
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

    /// Appends the bytes that its speaker sends after a message.
    pub(crate) fn end_message(self, out: &mut Vec<u8>) {
        match self {
            Self::Chat | Self::Floor | Self::Mqtt => {}
            Self::Redis | Self::Nats => out.extend_from_slice(LINE_END),
        }
    }

    /// The first message, or other thing, that a client received, as slices of `bytes`. No message
    /// may be longer than `limit` bytes.
    ///
    /// # Errors
    ///
    /// It is not of this dialect, it is an error reported by the server, or it is too long.
    pub(crate) fn split(self, bytes: &[u8], limit: usize) -> Result<Next<'_>, DialectError> {
        match self {
            Self::Chat | Self::Floor => {
                Ok(split_pair(bytes, limit)?.map(|(pair, rest)| (Some(pair), rest)))
            }
            Self::Redis => redis::split(bytes, limit),
            Self::Nats => nats::split(bytes, limit),
            Self::Mqtt => mqtt::split(bytes, limit),
        }
    }

    /// Whether a message carries its sender's name. If not, [`PairRef::sender`] is empty.
    pub(crate) fn carries_sender(self) -> bool {
        matches!(self, Self::Chat | Self::Floor)
    }

    /// Whether a speaker receives the other speakers' messages. If not, it only sends.
    pub(crate) fn speakers_receive(self) -> bool {
        matches!(self, Self::Chat | Self::Floor)
    }
}
