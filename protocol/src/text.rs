//! Text: turns any payload into valid UTF-8.

use std::borrow::Cow;

/// The text that a server relays for a payload (SPEC UTF-05, UTF-06).
///
/// A payload of valid UTF-8 is returned unchanged, whatever its length. In any other, U+FFFD replaces each
/// invalid sequence, and the result is cut at a character boundary to at most `limit` bytes.
///
/// ```
/// assert_eq!(protocol::to_utf8(b"caf\xc3\xa9\x1b", 64), "café\x1b");
/// assert_eq!(protocol::to_utf8(b"a\xffb", 64), "a\u{FFFD}b");
/// assert_eq!(protocol::to_utf8(b"a\xff\xffb", 6), "a\u{FFFD}");
/// ```
#[inline]
pub fn to_utf8(payload: &[u8], limit: usize) -> Cow<'_, str> {
    // Checking is several times as fast as replacing, and nearly all text is valid.
    str::from_utf8(payload).map_or_else(|_| Cow::Owned(replaced(payload, limit)), Cow::Borrowed)
}

#[cold]
fn replaced(payload: &[u8], limit: usize) -> String {
    let mut text = String::from_utf8_lossy(payload).into_owned();
    text.truncate(text.floor_char_boundary(limit));
    // Replacing one byte by three makes the allocation several times as large as needed.
    text.shrink_to_fit();
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaced_text_keeps_no_spare_memory() {
        let memory = to_utf8(&[0xFF; 3000], 3000).into_owned().capacity();
        assert!(memory <= 3000, "{memory} bytes");
    }
}
