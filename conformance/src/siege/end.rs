//! End: how a hostile client's connection ended, and the server's reason.

use std::fmt;
use std::io::{self, ErrorKind};

use load::wire::split_pair;
use protocol::HEADER_LEN;

/// How a hostile client's connection ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// The server sent a reason and closed.
    Rejected(String),
    /// The server closed without a reason.
    Closed,
    /// The server reset it.
    Reset,
    /// The client closed or reset it, as its kind does.
    Left,
    /// It was open when the attack ended.
    Open,
    /// Another error, on the side of this machine.
    Failed(ErrorKind),
}

impl End {
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Self::Reset,
            other => Self::Failed(other),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(reason) => write!(f, "rejected ({reason})"),
            Self::Closed => f.write_str("closed without a reason"),
            Self::Reset => f.write_str("reset by the server"),
            Self::Left => f.write_str("ended by the client"),
            Self::Open => f.write_str("open to the end"),
            Self::Failed(kind) => write!(f, "failed ({kind})"),
        }
    }
}

/// The last bytes that a client received, which may be the reason for its end.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    received: u64,
}

impl Tail {
    /// Bytes received in all.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.received += bytes.len() as u64;
        self.bytes.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let surplus = self.bytes.len().saturating_sub(TAIL_BYTES);
        self.bytes.drain(..surplus);
    }

    /// The end, if EOF comes after these bytes.
    pub(super) fn end(&self) -> End {
        let starts = self.bytes.windows(HEADER_LEN + SERVER.len()).rev();
        let reason = starts.enumerate().find_map(|(before_last, start)| {
            let is_servers = start.ends_with(SERVER) && start.starts_with(SERVER_HEADER);
            let at = self.bytes.len() - HEADER_LEN - SERVER.len() - before_last;
            is_servers.then(|| text_of(&self.bytes[at..])).flatten()
        });
        reason.map_or(End::Closed, End::Rejected)
    }
}

/// The text of the pair, if these bytes are exactly one pair.
fn text_of(bytes: &[u8]) -> Option<String> {
    let (pair, rest) = split_pair(bytes, TAIL_BYTES).ok()??;
    rest.is_empty().then(|| String::from_utf8_lossy(pair.text).into_owned())
}

const SERVER: &[u8] = b"server";
const SERVER_HEADER: &[u8] = b"6         ";
/// A server's reason is shorter.
const TAIL_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use protocol::pair;

    use super::*;

    #[test]
    fn the_last_pair_is_the_reason_if_the_server_is_its_sender() {
        let mut tail = Tail::default();
        tail.push(&pair(b"ann", &[b'x'; 500]));
        assert_eq!(End::Closed, tail.end());
        pair(b"server", b"too loud").chunks(7).for_each(|chunk| tail.push(chunk));
        assert_eq!(End::Rejected("too loud".into()), tail.end());
        tail.push(b"1         ");
        assert_eq!(End::Closed, tail.end(), "something came after it");
    }
}
