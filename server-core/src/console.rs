//! Console: reads the operator's lines from standard input, for all members (SPEC EXT-14).

use std::io::{self, BufRead};
use std::ops::ControlFlow;
use std::thread;

use bytes::Bytes;
use protocol::to_utf8;
use tracing::warn;

use crate::settings::Settings;

/// Starts the thread that reads standard input, if the settings ask for it. The thread calls `hand_over` with each
/// line until `hand_over` breaks or the input ends.
///
/// How a line gets into the room depends on the concurrency model: `hand_over` may wait, and nothing is read
/// meanwhile. A shutdown does not wait for the thread, which may be blocked in a read for ever.
///
/// # Errors
///
/// The thread cannot be started.
pub fn start(
    settings: &Settings,
    hand_over: impl FnMut(Bytes) -> ControlFlow<()> + Send + 'static,
) -> io::Result<()> {
    if settings.console {
        let max_message = settings.max_message;
        let read = move || read_lines(&mut io::stdin().lock(), max_message, hand_over);
        thread::Builder::new().name("console".into()).spawn(read)?;
    }
    Ok(())
}

/// Hands over each line that is not empty, as UTF-8. A line that is longer than a message may be is not sent, and the
/// log says so.
fn read_lines(
    input: &mut impl BufRead,
    max_message: usize,
    mut hand_over: impl FnMut(Bytes) -> ControlFlow<()>,
) {
    loop {
        let line = match read_line(input, max_message) {
            Ok(Line::Text(line)) => line,
            Ok(Line::TooLong) => {
                warn!("a console line of more than {max_message} bytes was not sent");
                continue;
            }
            // Nothing more can arrive. The server goes on without a console.
            Ok(Line::End) | Err(_) => return,
        };
        if !line.is_empty() && hand_over(to_utf8(&line, max_message).into_owned().into()).is_break()
        {
            return;
        }
    }
}

enum Line {
    Text(Vec<u8>),
    TooLong,
    End,
}

/// The next line without its line end. At most `limit` bytes of it are kept.
fn read_line(input: &mut impl BufRead, limit: usize) -> io::Result<Line> {
    let mut line = Vec::new();
    let mut is_long = false;
    loop {
        let more = match input.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            more => more?,
        };
        if more.is_empty() && line.is_empty() && !is_long {
            return Ok(Line::End);
        }
        let end = more.iter().position(|byte| *byte == b'\n');
        let part = &more[..end.unwrap_or(more.len())];
        is_long |= line.len() + part.len() > limit;
        if !is_long {
            line.extend_from_slice(part);
        }
        let (read, is_last) = (part.len() + usize::from(end.is_some()), more.is_empty());
        input.consume(read);
        if end.is_some() || is_last {
            return Ok(if is_long { Line::TooLong } else { Line::Text(line) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed_over(input: &[u8], max_message: usize) -> Vec<Bytes> {
        let mut lines = Vec::new();
        // The smallest buffer, so that every line arrives in pieces.
        let mut input = io::BufReader::with_capacity(1, input);
        read_lines(&mut input, max_message, |line| {
            lines.push(line);
            ControlFlow::Continue(())
        });
        lines
    }

    #[test]
    fn lines_are_unchanged_and_empty_ones_are_skipped() {
        assert_eq!(["one", " two\t\r", "three"], handed_over(b"one\n\n two\t\r\nthree", 64)[..]);
        assert_eq!([""; 0], handed_over(b"", 64)[..]);
    }

    #[test]
    fn a_line_longer_than_a_message_is_not_sent() {
        assert_eq!(["1234", "fine"], handed_over(b"1234\n12345\nfine\n1234567", 4)[..]);
    }

    #[test]
    fn invalid_utf8_is_replaced() {
        assert_eq!(["a\u{FFFD}"], handed_over(b"a\xff\n", 4)[..]);
    }

    #[test]
    fn nothing_is_read_after_the_receiver_breaks() {
        let mut lines = 0;
        let mut input = &b"one\ntwo\nthree\n"[..];
        read_lines(&mut input, 64, |_| {
            lines += 1;
            if lines == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((2, &b"three\n"[..]), (lines, input));
    }
}
