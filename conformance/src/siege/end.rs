//! End: how a hostile client's connection ended, and what the server said about it.

use std::fmt;
use std::io::{self, ErrorKind};

use load::wire::split_pair;
use protocol::HEADER_LEN;

/// How a hostile client's connection ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// The server said why, and closed.
    Rejected(String),
    /// The server closed without a word.
    Closed,
    /// The server broke it off.
    Reset,
    /// The client left, as its kind does.
    Left,
    /// The crowd left, and it stood until then.
    Open,
    /// Something else, on this machine's side.
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
            Self::Rejected(reason) => write!(f, "refused ({reason})"),
            Self::Closed => f.write_str("closed without a word"),
            Self::Reset => f.write_str("reset by the server"),
            Self::Left => f.write_str("left by themselves"),
            Self::Open => f.write_str("open to the end"),
            Self::Failed(kind) => write!(f, "failed ({kind})"),
        }
    }
}

/// The last of what a client has heard: the reason for its end, if there is one.
#[derive(Debug, Default)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    heard: u64,
}

impl Tail {
    /// Bytes heard in all.
    pub(super) fn heard(&self) -> u64 {
        self.heard
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) {
        self.heard += bytes.len() as u64;
        self.bytes.extend_from_slice(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let surplus = self.bytes.len().saturating_sub(TAIL_BYTES);
        self.bytes.drain(..surplus);
    }

    /// What the end of the stream means after this.
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

/// The text of a pair that these bytes are, neither more nor less.
fn text_of(bytes: &[u8]) -> Option<String> {
    let (pair, rest) = split_pair(bytes, TAIL_BYTES).ok()??;
    rest.is_empty().then(|| String::from_utf8_lossy(pair.text).into_owned())
}

const SERVER: &[u8] = b"server";
const SERVER_HEADER: &[u8] = b"6         ";
/// A refusal is shorter.
const TAIL_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use protocol::pair;

    use super::*;

    #[test]
    fn the_last_pair_tells_the_reason_if_it_is_the_servers() {
        let mut tail = Tail::default();
        tail.hear(&pair(b"ann", &[b'x'; 500]));
        assert_eq!(End::Closed, tail.end());
        pair(b"server", b"too loud").chunks(7).for_each(|chunk| tail.hear(chunk));
        assert_eq!(End::Rejected("too loud".into()), tail.end());
        tail.hear(b"1         ");
        assert_eq!(End::Closed, tail.end(), "something came behind it");
    }
}
