//! Lines: the input cut into messages, each of bounded length and valid UTF-8.

use std::io::{self, BufRead, Read as _};

/// Reads input line by line without ever holding more than the longest line allowed.
///
/// A line ends at `\n`; a `\r` before it is dropped. The last one may lack its end.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: R,
    /// Longest line accepted, in bytes without its end.
    limit: usize,
    /// How many lines have been read.
    number: u64,
}

/// One line of input, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// As it was read.
    Text(String),
    /// It was not UTF-8: the bad bytes are U+FFFD now.
    Repaired(String),
    /// It was longer than the limit, as read or repaired, and has been skipped.
    TooLong,
}

impl<R: BufRead> Lines<R> {
    /// Lines of up to `limit` bytes.
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self { input, limit, number: 0 }
    }

    /// The number of the line read last; the first is 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Longest line accepted, in bytes without its end.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The next line; `None` at the input's end.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        // Two bytes more than the limit: room for the line's end, or proof that the line is too
        // long.
        let bytes_max = (self.limit as u64).saturating_add(2);
        self.input.by_ref().take(bytes_max).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let has_end = bytes.ends_with(b"\n");
        strip_line_end(&mut bytes);
        if bytes.len() <= self.limit {
            return Ok(Some(self.to_text(bytes)));
        }
        if !has_end {
            self.input.skip_until(b'\n')?;
        }
        Ok(Some(Line::TooLong))
    }

    fn to_text(&self, bytes: Vec<u8>) -> Line {
        match String::from_utf8(bytes) {
            Ok(text) => Line::Text(text),
            Err(error) => {
                let repaired = String::from_utf8_lossy(error.as_bytes());
                // One bad byte becomes three.
                if repaired.len() > self.limit {
                    return Line::TooLong;
                }
                Line::Repaired(repaired.into_owned())
            }
        }
    }
}

fn strip_line_end(bytes: &mut Vec<u8>) {
    for end in [b'\n', b'\r'] {
        bytes.pop_if(|last| *last == end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(input, 3);
        std::iter::from_fn(|| lines.next_line().unwrap()).collect()
    }

    fn text(line: &str) -> Line {
        Line::Text(line.into())
    }

    #[test]
    fn line_ends_are_dropped_and_the_last_line_needs_none() {
        assert_eq!(
            vec![text("a"), text("b"), text(""), text("c\r"), text("d")],
            lines(b"a\nb\r\n\nc\r\r\nd")
        );
        assert_eq!(Vec::<Line>::new(), lines(b""));
    }

    #[test]
    fn a_line_over_the_limit_is_skipped_and_the_next_one_is_complete() {
        for (over_limit, within_limit) in
            [("abcd\n", "abc\n"), ("abcd\r\n", "abc\r\n"), ("abcdefghij\n", "abc")]
        {
            let input = format!("{over_limit}{within_limit}");
            assert_eq!(vec![Line::TooLong, text("abc")], lines(input.as_bytes()), "{input:?}");
        }
        assert_eq!(vec![Line::TooLong], lines(b"abcdefghij"));
    }

    #[test]
    fn invalid_utf8_is_replaced_within_the_limit() {
        assert_eq!(vec![Line::Repaired("\u{FFFD}".into())], lines(b"\xFF\n"));
        assert_eq!(vec![Line::TooLong, text("ok")], lines(b"\xFF\xFF\nok"));
    }
}
