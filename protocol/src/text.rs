//! Text: what is relayed is UTF-8, whatever came in.

use std::borrow::Cow;

/// The message to relay for a payload: valid UTF-8 goes through byte for byte; bad bytes become U+FFFD,
/// and the result is cut at a character boundary to `limit` bytes (SPEC UTF-05, UTF-06).
///
/// ```
/// assert_eq!(protocol::to_utf8(b"caf\xc3\xa9\x1b", 64), "café\x1b");
/// assert_eq!(protocol::to_utf8(b"a\xffb", 64), "a\u{FFFD}b");
/// assert_eq!(protocol::to_utf8(b"a\xff\xffb", 6), "a\u{FFFD}");
/// ```
#[inline]
pub fn to_utf8(payload: &[u8], limit: usize) -> Cow<'_, str> {
    // Tells good text from bad several times as fast as what replaces the bad.
    str::from_utf8(payload).map_or_else(|_| Cow::Owned(replaced(payload, limit)), Cow::Borrowed)
}

#[cold]
fn replaced(payload: &[u8], limit: usize) -> String {
    let mut text = String::from_utf8_lossy(payload).into_owned();
    text.truncate(text.floor_char_boundary(limit));
    // Replacing made it grow to several times its size.
    text.shrink_to_fit();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_text_keeps_no_more_memory_than_it_needs() {
        let memory = to_utf8(&[0xFF; 3000], 3000).into_owned().capacity();
        assert!(memory <= 3000, "{memory} bytes");
    }
}
