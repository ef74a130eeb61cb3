//! A strict reader of what a server sends: whole pairs with canonical headers, nothing else.

use protocol::{HEADER_LEN, Pair, header, parse_header};

/// Takes bytes in any pieces and gives pairs; unlike a chat client it forgives nothing.
#[derive(Debug, Default)]
pub struct PairReader {
    /// What has arrived and belongs to no pair given out yet.
    held: Vec<u8>,
}

/// Bytes that no server may send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What a header at this place would have been; empty if not even the number can be read.
    pub expected: Vec<u8>,
    /// What stands there.
    pub received: Vec<u8>,
}

impl PairReader {
    /// Takes what the network brought.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole pair; `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// A header is not canonical, or it announces more than any test asks for.
    pub fn next_pair(&mut self) -> Result<Option<Pair>, Malformed> {
        let Some(sender) = frame_length(&self.held)? else { return Ok(None) };
        let rest = self.held.get(HEADER_LEN + sender..).unwrap_or_default();
        let Some(text) = frame_length(rest)? else { return Ok(None) };
        let whole = 2 * HEADER_LEN + sender + text;
        if self.held.len() < whole {
            return Ok(None);
        }
        let bytes: Vec<u8> = self.held.drain(..whole).collect();
        let (name_frame, message_frame) = bytes.split_at(HEADER_LEN + sender);
        Ok(Some(Pair {
            sender: name_frame[HEADER_LEN..].to_vec().into(),
            text: message_frame[HEADER_LEN..].to_vec().into(),
        }))
    }

    /// The beginning of a pair that is not complete.
    pub fn rest(&self) -> &[u8] {
        &self.held
    }
}

/// The payload's length, from the header at the start of `bytes`; wrong bytes are told at once.
fn frame_length(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let start = &bytes[..bytes.len().min(HEADER_LEN)];
    let malformed =
        |expected: &[u8]| Malformed { expected: expected.into(), received: bytes.into() };
    let Some(length) = parse_header(start).map_err(|_| malformed(b""))? else { return Ok(None) };
    let length = usize::try_from(length).ok().filter(|&length| length <= FRAME_BYTES_MAX);
    let canonical = header(length.ok_or_else(|| malformed(b""))?);
    if start != canonical {
        return Err(malformed(&canonical));
    }
    Ok(length)
}

/// More than any test makes a server relay.
const FRAME_BYTES_MAX: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_pairs_are_read_in_any_pieces() {
        let mut reader = PairReader::default();
        for byte in b"3         ann0         " {
            assert_eq!(Ok(None), reader.next_pair());
            reader.feed(&[*byte]);
        }
        let pair = reader.next_pair().unwrap().unwrap();
        assert_eq!((&b"ann"[..], &b""[..]), (&pair.sender[..], &pair.text[..]));
    }

    #[test]
    fn other_spellings_of_a_number_are_malformed() {
        for bytes in [&b"         3ann"[..], b"0000000003", b"3\0", b"hello"] {
            let mut reader = PairReader::default();
            reader.feed(bytes);
            assert!(reader.next_pair().is_err(), "{}", bytes.escape_ascii());
        }
    }
}
