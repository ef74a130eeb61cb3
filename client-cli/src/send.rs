//! Sending: first the name, then every line of the input as one frame.

use std::io::{self, Read, Write};

use protocol::{HEADER_LEN, Name, encode_frame};

use crate::lines::{Line, Lines};
use crate::report;

/// How an empty line is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlankLines {
    /// It is sent as a message of no bytes (SPEC FRM-04).
    Send,
    /// It is not sent.
    Skip,
}

/// How much of the input was sent when it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Every line.
    Everything,
    /// All lines except those that were reported as not sent.
    NotAll,
}

/// Why sending stopped before the end of the input.
#[derive(Debug)]
pub(crate) enum SendError {
    /// The input cannot be read.
    Input(io::Error),
    /// The connection cannot be written.
    Connection,
}

/// Sends the name, then each line until the input ends.
///
/// Each frame is one write. Some servers, such as the first one of this protocol, take the bytes
/// of one receive for one frame, and work as long as frames arrive one by one.
///
/// # Errors
///
/// The input cannot be read, or the connection cannot be written.
pub(crate) fn send_lines(
    name: &Name,
    mut lines: Lines<impl Read>,
    blank: BlankLines,
    mut server: impl Write,
) -> Result<Sent, SendError> {
    let mut sent = Sent::Everything;
    send_frame(name.as_bytes(), &mut server)?;
    while let Some(line) = lines.next_line().map_err(SendError::Input)? {
        match line {
            Line::Text(text) if text.is_empty() && blank == BlankLines::Skip => {}
            Line::Text(text) => send_frame(text.as_bytes(), &mut server)?,
            Line::Repaired(text) => {
                let number = lines.number();
                report(&format_args!(
                    "line {number} is not UTF-8; its invalid bytes are sent as U+FFFD"
                ));
                send_frame(text.as_bytes(), &mut server)?;
            }
            Line::TooLong => {
                let (number, limit) = (lines.number(), lines.limit());
                report(&format_args!(
                    "line {number} is not sent: it is longer than {limit} bytes; --max-message \
                     allows more"
                ));
                sent = Sent::NotAll;
            }
        }
    }
    Ok(sent)
}

fn send_frame(payload: &[u8], server: &mut impl Write) -> Result<(), SendError> {
    let mut frame = Vec::with_capacity(HEADER_LEN + payload.len());
    encode_frame(payload, &mut frame);
    server.write_all(&frame).map_err(|_| SendError::Connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(input: &[u8], blank: BlankLines) -> (Sent, String) {
        let mut wire = Vec::new();
        let name = Name::new(b"ann").unwrap();
        let sent = send_lines(&name, Lines::new(input, 8), blank, &mut wire).unwrap();
        (sent, String::from_utf8(wire).unwrap())
    }

    #[test]
    fn the_name_is_sent_first_and_every_line_is_a_frame() {
        let wire = "3         ann2         hi8         سلام".to_owned();
        assert_eq!((Sent::Everything, wire), sent("hi\nسلام\n".as_bytes(), BlankLines::Send));
    }

    #[test]
    fn empty_lines_are_sent_from_a_pipe_and_skipped_at_a_terminal() {
        let pipe = "3         ann0         1         a".to_owned();
        assert_eq!((Sent::Everything, pipe), sent(b"\na\n", BlankLines::Send));
        let terminal = "3         ann1         a".to_owned();
        assert_eq!((Sent::Everything, terminal), sent(b"\na\n", BlankLines::Skip));
    }
}
