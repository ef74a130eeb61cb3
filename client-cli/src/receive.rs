//! Receiving: decodes the server's bytes into pairs and prints each pair as one clean line.

use std::fmt::Write as _;
use std::io::{self, ErrorKind, Read, Write};

use protocol::{FrameError, Pair, PairDecoder};

use crate::clean::{clean, clean_name};

/// The style of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Text without control sequences.
    Plain,
    /// Names in bold, for a terminal.
    BoldNames,
}

/// Why receiving stopped before the server closed the connection between two pairs.
#[derive(Debug)]
pub enum ReceiveError {
    /// The connection failed, for instance by a reset.
    Connection(io::Error),
    /// The server's bytes are not frames, or announce a frame over the limit.
    Frame(FrameError),
    /// The server closed the connection inside a pair (SPEC CLS-04). The fragment is not printed.
    MidPair,
    /// The output is a pipe, and its reader has closed it.
    OutputClosed,
    /// The output cannot be written for another reason.
    Output(io::Error),
}

/// Prints `name > text` for every pair until the server closes the connection.
///
/// All pairs that arrive in one read are printed at once, in one write. A frame of more than
/// `limit` bytes is rejected on its header, before any of it is stored.
///
/// # Errors
///
/// Any end other than the server's close between two pairs. The pairs before it are printed.
pub(crate) fn print_pairs(
    mut server: impl Read,
    mut output: impl Write,
    limit: usize,
    style: Style,
) -> Result<(), ReceiveError> {
    let mut chunk = vec![0; CHUNK_LEN];
    let mut pairs = PairDecoder::new(limit);
    loop {
        let count = match server.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(ReceiveError::Connection(error)),
        };
        pairs.feed(&chunk[..count]);
        let mut lines = String::new();
        let rendered = render_pairs(&mut pairs, style, &mut lines);
        write_lines(&lines, &mut output)?;
        rendered.map_err(ReceiveError::Frame)?;
    }
    if pairs.is_mid_pair() { Err(ReceiveError::MidPair) } else { Ok(()) }
}

/// Appends a line to `lines` for each complete pair that has arrived.
fn render_pairs(
    pairs: &mut PairDecoder,
    style: Style,
    lines: &mut String,
) -> Result<(), FrameError> {
    while let Some(pair) = pairs.next_pair()? {
        render(&pair, style, lines);
    }
    Ok(())
}

fn render(pair: &Pair, style: Style, lines: &mut String) {
    let name = clean_name(&String::from_utf8_lossy(&pair.sender));
    let text = clean(&String::from_utf8_lossy(&pair.text));
    match style {
        Style::Plain => writeln!(lines, "{name} > {text}"),
        Style::BoldNames => writeln!(lines, "\x1b[1m{name}\x1b[0m > {text}"),
    }
    .expect("writing to a string cannot fail");
}

fn write_lines(lines: &str, output: &mut impl Write) -> Result<(), ReceiveError> {
    let written = output.write_all(lines.as_bytes()).and_then(|()| output.flush());
    written.map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => ReceiveError::OutputClosed,
        _ => ReceiveError::Output(error),
    })
}

/// Size of the read buffer in bytes: large enough to take a burst of short messages in one read.
const CHUNK_LEN: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &[u8] =
        "3         ann5         hello5         Zoë 0         3         bob8         \x1b[1m🦀"
            .as_bytes();
    const PRINTED: &str = "ann > hello\nZoë  > \nbob > ␛[1m🦀\n";

    fn printed<'a>(
        parts: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Result<(), ReceiveError>, String) {
        let mut output = Vec::new();
        let parts = Parts(parts.into_iter().collect());
        let result = print_pairs(parts, &mut output, 64, Style::Plain);
        (result, String::from_utf8(output).unwrap())
    }

    /// A connection that returns one part per read.
    struct Parts<'a>(std::collections::VecDeque<&'a [u8]>);

    impl Read for Parts<'_> {
        fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
            let part = self.0.pop_front().unwrap_or(&[]);
            chunk[..part.len()].copy_from_slice(part);
            Ok(part.len())
        }
    }

    fn assert_whole(parts: &[&[u8]]) {
        let (result, output) = printed(parts.iter().copied().filter(|part| !part.is_empty()));
        assert!(result.is_ok(), "{result:?} for {parts:?}");
        assert_eq!(PRINTED, output, "{parts:?}");
    }

    #[test]
    fn every_cut_and_every_pair_of_cuts_prints_the_same() {
        assert_whole(&SCRIPT.chunks(1).collect::<Vec<_>>());
        for second in 0..=SCRIPT.len() {
            for first in 0..=second {
                assert_whole(&[&SCRIPT[..first], &SCRIPT[first..second], &SCRIPT[second..]]);
            }
        }
    }

    #[test]
    fn an_end_inside_a_pair_is_an_error_and_whole_pairs_are_printed() {
        let boundaries = [0, 28, 53, SCRIPT.len()];
        for end in 0..=SCRIPT.len() {
            let (result, output) = printed([&SCRIPT[..end]]);
            let whole = boundaries.iter().filter(|boundary| (1..=end).contains(*boundary)).count();
            assert_eq!(whole, output.lines().count(), "cut at {end}");
            match result {
                Ok(()) => assert!(boundaries.contains(&end), "cut at {end}"),
                Err(error) => assert!(matches!(error, ReceiveError::MidPair), "cut at {end}"),
            }
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_rejected_on_its_header_and_earlier_pairs_are_printed() {
        let (result, output) =
            printed([b"1         a1         b3         eve65        ".as_slice()]);
        assert!(matches!(result, Err(ReceiveError::Frame(error)) if error.at == 35), "{result:?}");
        assert_eq!("a > b\n", output);
    }

    #[test]
    fn invalid_utf8_is_printed_as_the_replacement_character() {
        let (result, output) = printed([b"2         a\xFF3         \xC3(b".as_slice()]);
        assert!(result.is_ok());
        assert_eq!("a\u{FFFD} > \u{FFFD}(b\n", output);
    }

    #[test]
    fn only_the_name_is_bold() {
        let mut output = Vec::new();
        print_pairs(&b"1         a1         b"[..], &mut output, 64, Style::BoldNames).unwrap();
        assert_eq!(b"\x1b[1ma\x1b[0m > b\n", &output[..]);
    }
}
