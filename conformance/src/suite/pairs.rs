//! Pairs: a strict reader of what a server sends, which accepts only whole pairs with canonical
//! headers.
//!
//! It uses neither `protocol::Decoder`, `protocol::PairDecoder` nor `protocol::split_frame`, on
//! purpose. Our servers and clients use these, so a defect in them would be in the sender and in
//! the check, and no test would see it. They also accept what a client has to accept from a foreign
//! server, such as a header that is not canonical; the suite has to report it. Only `parse_header`
//! and `header` are shared, and `protocol/vectors.txt` checks these.

use protocol::{HEADER_LEN, Pair, header, parse_header};

/// Takes bytes in pieces of any size, and returns pairs.
#[derive(Debug, Default)]
pub struct PairReader {
    /// Bytes that have arrived and belong to no returned pair.
    held: Vec<u8>,
}

/// Bytes that break the format of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The canonical header for this place; empty if the number cannot be read.
    pub expected: Vec<u8>,
    /// The bytes from this place on.
    pub received: Vec<u8>,
}

impl PairReader {
    /// Takes bytes from the network.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// The next whole pair, or `None` if more bytes are needed.
    ///
    /// # Errors
    ///
    /// A header is not canonical, or it announces more than 16 MiB.
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

    /// The bytes of a pair that is not complete.
    pub fn rest(&self) -> &[u8] {
        &self.held
    }
}

/// The payload's length, from the header at the start of `bytes`, or `None` if the header is not
/// complete. A wrong byte is an error even if the header is not complete.
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
