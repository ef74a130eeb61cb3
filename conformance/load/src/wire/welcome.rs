//! Welcome: reads a server's answer to the hello, and no byte after it.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::time::Duration;

use super::parse::{LINE_BYTES_MAX, LINE_END, excerpt};

/// Calls `read` with a timeout on every read of the stream, and then restores the timeout that it
/// had.
pub(super) fn with_timeout(
    stream: &mut TcpStream,
    read: impl FnOnce(&mut TcpStream) -> io::Result<()>,
) -> io::Result<()> {
    let before = stream.read_timeout()?;
    stream.set_read_timeout(Some(WELCOME_WITHIN))?;
    read(stream)?;
    stream.set_read_timeout(before)
}

/// Reads one line, which must be this one.
pub(super) fn expect_line(stream: &mut TcpStream, expected: &str) -> io::Result<()> {
    let line = read_line(stream)?;
    if line == expected.as_bytes() { Ok(()) } else { Err(unexpected(expected, &line)) }
}

/// Reads one line and returns it without its CR LF. It peeks first, so that no byte after the line
/// is read.
pub(super) fn read_line(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut seen = [0; 1024];
    while line.len() < LINE_BYTES_MAX {
        let count = stream.peek(&mut seen).map_err(missing)?;
        if count == 0 {
            return Err(missing(ErrorKind::UnexpectedEof.into()));
        }
        let end = seen[..count].iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(count, |end| end + 1);
        stream.read_exact(&mut seen[..taken]).map_err(missing)?;
        line.extend_from_slice(&seen[..taken]);
        if let Some(text) = line.strip_suffix(LINE_END) {
            return Ok(text.to_vec());
        }
    }
    Err(unexpected("a line", &line))
}

/// The error of an answer that is another one.
pub(super) fn unexpected(expected: &str, got: &[u8]) -> io::Error {
    let got = excerpt(got);
    io::Error::other(format!("the server should have answered {expected}, and sent '{got}'"))
}

/// The error of an answer that does not come.
pub(super) fn missing(error: io::Error) -> io::Error {
    let what = match error.kind() {
        ErrorKind::UnexpectedEof => "the server closed the connection instead of answering".into(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!("the server has not answered within {} s", WELCOME_WITHIN.as_secs())
        }
        _ => return error,
    };
    io::Error::new(error.kind(), what)
}

const WELCOME_WITHIN: Duration = Duration::from_secs(10);
