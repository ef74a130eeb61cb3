//! Escape: the notation for any byte in a conversation.

/// The bytes of a text with escapes.
///
/// # Errors
///
/// The first escape that is not valid.
pub(super) fn unescaped(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = escape(&rest[at + 1..], &mut bytes)
            .ok_or_else(|| format!("`{}` does not begin with a valid escape", &rest[at..]))?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// The bytes of the quoted text at the beginning of `text`, and the rest after it.
///
/// # Errors
///
/// A quote is missing, or an escape is not valid.
pub(super) fn quoted(text: &str) -> Result<(Vec<u8>, &str), String> {
    let inner = text.strip_prefix('"').ok_or("a name must be in quotes")?;
    let mut escaped = false;
    let end = inner.find(|char| {
        let ends = char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        ends
    });
    let end = end.ok_or("the closing quote is missing")?;
    Ok((unescaped(&inner[..end])?, &inner[end + 1..]))
}

/// Reads one escape, without its backslash, and returns the rest after it; `None` if it is not
/// valid.
fn escape<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Option<&'a str> {
    let kind = text.chars().next()?;
    let rest = &text[kind.len_utf8()..];
    match kind {
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        '0' => bytes.push(0),
        '\\' => bytes.push(b'\\'),
        '"' => bytes.push(b'"'),
        'x' => {
            bytes.push(u8::from_str_radix(rest.get(..2)?, 16).ok()?);
            return rest.get(2..);
        }
        'u' => {
            let (code, rest) = rest.strip_prefix('{')?.split_once('}')?;
            let char = char::from_u32(u32::from_str_radix(code, 16).ok()?)?;
            bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(rest);
        }
        _ => return None,
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_escape_is_read_as_its_bytes() {
        let text = r"\n\r\t\0\\\xff\u{1f980}é\x20";
        assert_eq!(Ok(b"\n\r\t\0\\\xff\xf0\x9f\xa6\x80\xc3\xa9 ".to_vec()), unescaped(text));
    }

    #[test]
    fn an_incomplete_escape_is_an_error() {
        for text in [r"\", r"\x1", r"\xg0", r"\u{", r"\u{d800}", r"\q"] {
            assert!(unescaped(text).is_err(), "{text}");
        }
    }
}
