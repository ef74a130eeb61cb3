//! Lines: the input cut into messages, each of bounded length and valid UTF-8.

use std::io::{self, BufRead, BufReader, Read};

/// Reads input line by line and never holds more than the longest accepted line.
///
/// A line ends with `\n`, and a `\r` before it is dropped. The last line may lack its end.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: BufReader<FinalEof<R>>,
    /// Longest accepted line, in bytes without its end.
    limit: usize,
    /// Lines read so far.
    number: u64,
}

/// One line of input, without its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A line of UTF-8, unchanged.
    Text(String),
    /// A line that was not UTF-8; each invalid part is replaced by U+FFFD.
    Repaired(String),
    /// A line longer than the limit, as read or after the replacement. It is skipped.
    TooLong,
}

impl<R: Read> Lines<R> {
    /// The lines of `input`, each of at most `limit` bytes.
    pub(crate) fn new(input: R, limit: usize) -> Self {
        Self { input: BufReader::new(FinalEof { input, ended: false }), limit, number: 0 }
    }

    /// The number of the line that was read last; the first line is 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Longest accepted line, in bytes without its end.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The next line; `None` at the end of the input, and from then on.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub(crate) fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        // Two bytes more than the limit: space for `\r\n`, or proof that the line is too long.
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
                // U+FFFD has three bytes, so one invalid byte becomes three.
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

/// Input whose first EOF is its last.
///
/// A terminal can be read again after Ctrl-D. An unfinished line takes one read that returns EOF;
/// without this, the read for the next line would wait for another Ctrl-D.
#[derive(Debug)]
struct FinalEof<R> {
    input: R,
    ended: bool,
}

impl<R: Read> Read for FinalEof<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let count = self.input.read(buffer)?;
        self.ended = count == 0;
        Ok(count)
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
    fn the_first_eof_is_final_even_if_the_input_could_go_on() {
        for (limit, first) in [(3, text("abc")), (2, Line::TooLong)] {
            let mut lines = Lines::new(Parts(vec![b"next\n", b"", b"abc"]), limit);
            assert_eq!(Some(first), lines.next_line().unwrap());
            assert_eq!(None, lines.next_line().unwrap());
            assert_eq!(None, lines.next_line().unwrap());
        }
    }

    /// Input that returns its last part first and goes on after an EOF, as a terminal does.
    struct Parts(Vec<&'static [u8]>);

    impl Read for Parts {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let part = self.0.pop().unwrap_or(&[]);
            buffer[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }

    #[test]
    fn invalid_utf8_is_replaced_within_the_limit() {
        assert_eq!(vec![Line::Repaired("\u{FFFD}".into())], lines(b"\xFF\n"));
        assert_eq!(vec![Line::TooLong, text("ok")], lines(b"\xFF\xFF\nok"));
    }
}
