//! Transcript: what every client of one test sent and received, with times from one clock.

use std::cell::RefCell;
use std::fmt::{self, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The transcript of one test. Its clones share the same entries.
#[derive(Clone, Debug)]
pub struct Transcript(Rc<RefCell<Inner>>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    /// The latest entries, at most [`ENTRIES_MAX`].
    entries: Vec<Entry>,
}

/// One event of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Time since the test began.
    pub at: Duration,
    /// The client.
    pub who: String,
    /// What happened.
    pub event: Event,
}

/// What can happen to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It connected.
    Connected,
    /// It wrote these bytes.
    Sent(Excerpt),
    /// It read these bytes.
    Received(Excerpt),
    /// It sent FIN.
    HalfClosed,
    /// It sent RST.
    Reset,
    /// The server sent FIN.
    Eof,
    /// The server sent RST.
    PeerReset,
}

/// The first bytes of what was sent or received: a test that moves many megabytes does not keep
/// them all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// At most [`SHOWN_BYTES_MAX`].
    beginning: Vec<u8>,
    /// The number of all bytes.
    length: usize,
}

impl From<&[u8]> for Excerpt {
    fn from(bytes: &[u8]) -> Self {
        Self { beginning: bytes[..bytes.len().min(SHOWN_BYTES_MAX)].into(), length: bytes.len() }
    }
}

impl Transcript {
    /// An empty transcript. Its clock starts now.
    pub fn start() -> Self {
        Self(Rc::new(RefCell::new(Inner { start: Instant::now(), entries: Vec::new() })))
    }

    /// Adds an event.
    pub fn record(&self, who: &str, event: Event) {
        let mut inner = self.0.borrow_mut();
        let at = inner.start.elapsed();
        if inner.entries.len() == ENTRIES_MAX {
            inner.entries.drain(..ENTRIES_MAX / 2);
        }
        inner.entries.push(Entry { at, who: who.into(), event });
    }

    /// The last 40 events, one line of text each.
    pub fn last_lines(&self) -> Vec<String> {
        let entries = &self.0.borrow().entries;
        let start = entries.len().saturating_sub(LINES_MAX);
        entries[start..].iter().map(Entry::to_string).collect()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:9.4} s  {:<8} ", self.at.as_secs_f64(), self.who)?;
        match &self.event {
            Event::Connected => f.write_str("connects"),
            Event::Sent(excerpt) => write!(f, ">> {excerpt}"),
            Event::Received(excerpt) => write!(f, "<< {excerpt}"),
            Event::HalfClosed => f.write_str("half-closes"),
            Event::Reset => f.write_str("resets"),
            Event::Eof => f.write_str("is closed (end of stream)"),
            Event::PeerReset => f.write_str("is closed (reset)"),
        }
    }
}

/// Bytes as readable text: printable characters as they are, everything else escaped, cut after 160
/// bytes.
pub fn shown(bytes: &[u8]) -> String {
    Excerpt::from(bytes).to_string()
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&readable(&self.beginning))?;
        if self.length > self.beginning.len() {
            write!(f, " … ({} bytes)", self.length)?;
        }
        Ok(())
    }
}

fn readable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\\' => text.push_str(r"\\"),
                char if char.is_control() => text.extend(char.escape_default()),
                char => text.push(char),
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("writing to a string cannot fail");
        }
    }
    text
}

const ENTRIES_MAX: usize = 4096;
/// The lines shown for a failed test: about one screen.
const LINES_MAX: usize = 40;
const SHOWN_BYTES_MAX: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_bad_bytes_are_escaped() {
        assert_eq!(
            r"سلام \x1b\n\\ \xff".replace(r"\x1b", r"\u{1b}"),
            shown("سلام \x1b\n\\ ".as_bytes()) + r"\xff"
        );
        assert!(shown(&[b'a'; 1000]).ends_with("a … (1000 bytes)"));
    }
}
