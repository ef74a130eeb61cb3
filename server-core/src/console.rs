//! Console: what the operator types, line by line, for everybody (SPEC EXT-14).

use std::io::{self, BufRead};
use std::ops::ControlFlow;
use std::thread;

use bytes::Bytes;
use protocol::to_utf8;
use tracing::warn;

use crate::settings::Settings;

/// Starts the thread that reads standard input, if the settings say so, and calls `hand_over` with each
/// line until it breaks or the input ends.
///
/// How a line gets into the room is the concurrency model's business: `hand_over` may wait, and no more is
/// read meanwhile. The thread is not waited for at a shutdown: it may sit in a read for ever.
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

/// Hands over each line that is not empty, as UTF-8; one that is longer than a message may be is not sent,
/// and the log says so.
fn read_lines(
    input: &mut impl BufRead,
    max_message: usize,
    mut hand_over: impl FnMut(Bytes) -> ControlFlow<()>,
) {
    loop {
        let line = match read_line(input, max_message) {
            Ok(Line::Text(line)) => line,
            Ok(Line::TooLong) => {
                warn!("a line of more than {max_message} bytes was typed and not sent");
                continue;
            }
            // Nothing more can come, and nobody is harmed.
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

/// The next line without its end; never more than `limit` bytes of it are kept.
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
        // The smallest buffer: every line comes in pieces.
        let mut input = io::BufReader::with_capacity(1, input);
        read_lines(&mut input, max_message, |line| {
            lines.push(line);
            ControlFlow::Continue(())
        });
        lines
    }

    #[test]
    fn lines_come_as_they_were_typed_and_empty_ones_not_at_all() {
        assert_eq!(["one", " two\t\r", "three"], handed_over(b"one\n\n two\t\r\nthree", 64)[..]);
        assert_eq!([""; 0], handed_over(b"", 64)[..]);
    }

    #[test]
    fn a_line_of_more_than_a_message_is_not_sent() {
        assert_eq!(["1234", "fine"], handed_over(b"1234\n12345\nfine\n1234567", 4)[..]);
    }

    #[test]
    fn what_is_no_text_is_replaced() {
        assert_eq!(["a\u{FFFD}"], handed_over(b"a\xff\n", 4)[..]);
    }

    #[test]
    fn nothing_is_read_for_somebody_who_wants_no_more() {
        let mut lines = 0;
        let mut input = &b"one\ntwo\nthree\n"[..];
        read_lines(&mut input, 64, |_| {
            lines += 1;
            if lines == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert_eq!((2, &b"three\n"[..]), (lines, input));
    }
}
