//! Text: what is relayed is UTF-8, whatever came in.

use bytes::Bytes;

/// The message to relay for a payload: valid UTF-8 goes through byte for byte; bad bytes become U+FFFD,
/// and the result is cut at a character boundary to `limit` bytes (SPEC UTF-05, UTF-06).
///
/// ```
/// use bytes::Bytes;
/// assert_eq!(protocol::to_utf8(Bytes::from_static(b"caf\xc3\xa9\x1b"), 64), "café\x1b");
/// assert_eq!(protocol::to_utf8(Bytes::from_static(b"a\xffb"), 64), "a\u{FFFD}b");
/// assert_eq!(protocol::to_utf8(Bytes::from_static(b"a\xff\xffb"), 6), "a\u{FFFD}");
/// ```
pub fn to_utf8(payload: Bytes, limit: usize) -> Bytes {
    // Tells good text from bad several times as fast as what replaces the bad.
    if str::from_utf8(&payload).is_ok() {
        return payload;
    }
    let mut text = String::from_utf8_lossy(&payload).into_owned();
    text.truncate(text.floor_char_boundary(limit));
    // Replacing made it grow to several times its size.
    text.shrink_to_fit();
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_text_keeps_no_more_memory_than_it_needs() {
        let text = to_utf8(vec![0xFF; 3000].into(), 3000);
        let memory = text.try_into_mut().expect("nobody else has it").capacity();
        assert!(memory <= 3000, "{memory} bytes");
    }
}
