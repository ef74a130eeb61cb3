//! Play: sends one file as one client's bytes, while other members check that nothing else happens.

use std::fmt::{self, Write};
use std::io;
use std::time::{Duration, Instant};

use conformance::suite::error::TestError;
use conformance::suite::pairs::PairReader;
use conformance::target::{Received, Wire};
use protocol::{Pair, encode_frame};

use crate::outcomes::Entry;

/// The way in which a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In one write.
    Whole,
    /// In one write per byte.
    Bytewise,
}

impl Way {
    /// Whether it takes little time to send a file in this way over a network.
    pub(crate) fn is_quick_over_a_network(self, entry: &Entry) -> bool {
        self == Self::Whole || entry.bytes().len() <= BYTEWISE_MAX
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Whole { "whole" } else { "bytewise" })
    }
}

/// Connects to the target.
pub(crate) type Connect = Box<dyn Fn() -> io::Result<Box<dyn Wire>>>;

/// Two members that stay for all files. The witness receives; the sender sends a fence, whose
/// arrival shows that the witness has received everything before it.
pub(crate) struct Members {
    connect: Connect,
    witness: Member,
    sender: Member,
    fences: usize,
}

/// One connection and the pairs received on it.
struct Member {
    wire: Box<dyn Wire>,
    pairs: PairReader,
}

impl Members {
    /// Makes both join, and waits until the witness receives a message of the sender.
    pub(crate) fn join(connect: Connect) -> Result<Self, TestError> {
        // Files of the corpus take these names, and names that look like them.
        let [witness, sender] =
            [Member::named(&connect, "witness")?, Member::named(&connect, "speaker")?];
        let mut members = Self { connect, witness, sender, fences: 0 };
        let start = Instant::now();
        loop {
            members.sender.say("is the witness here?")?;
            if members.witness.pair(REPEAT_INTERVAL)?.is_some() {
                break;
            }
            if start.elapsed() > DEADLINE {
                return Err(TestError::broken("the witness receives nothing from the sender"));
            }
        }
        members.received()?;
        Ok(members)
    }

    /// Sends a file as a new client, and returns the outcome in the notation of the table.
    pub(crate) fn play(&mut self, entry: &Entry, way: Way) -> Result<String, TestError> {
        let mut offender = Member::new((self.connect)().map_err(|e| TestError::connecting(&e))?);
        offender.send(&entry.bytes(), way);
        if entry.leaves() {
            offender.wire.half_close().ok();
        }
        let (notices, end) = offender.read_to_end()?;
        // A reset leaves no entry in the kernel's table of connections, which other tests read.
        offender.wire.reset();
        let mut outcome = String::new();
        for pair in self.received()? {
            let (sender, text) = (shown(&pair.sender), shown(&pair.text));
            writeln!(outcome, "  relay {sender} {text}").expect("writing to a string cannot fail");
        }
        for pair in notices {
            let sender = if pair.sender == "server" { "" } else { "in another name " };
            let text = shown(&pair.text);
            writeln!(outcome, "  error {sender}{text}").expect("writing to a string cannot fail");
        }
        let end = match end {
            Received::Eof => &entry.end,
            Received::Reset => "a reset",
            _ => "none: it stays open",
        };
        Ok(outcome + "  end   " + end + "\n")
    }

    /// The pairs that the witness has received since the last fence.
    fn received(&mut self) -> Result<Vec<Pair>, TestError> {
        self.fences += 1;
        let fence = format!("fence {}", self.fences);
        self.sender.say(&fence)?;
        let mut received = Vec::new();
        loop {
            let pair = self.witness.pair(DEADLINE)?;
            let pair =
                pair.ok_or_else(|| TestError::broken("the witness receives nothing more"))?;
            if pair.text == fence {
                break;
            }
            received.push(pair);
        }
        // The sender receives the same pairs, and must read them so as not to become a slow reader.
        while self.sender.pair(Duration::ZERO)?.is_some() {}
        Ok(received)
    }
}

impl Member {
    fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, pairs: PairReader::default() }
    }

    fn named(connect: &Connect, name: &str) -> Result<Self, TestError> {
        let mut member = Self::new(connect().map_err(|error| TestError::connecting(&error))?);
        member.say(name)?;
        Ok(member)
    }

    fn say(&mut self, text: &str) -> Result<(), TestError> {
        let mut frame = Vec::new();
        encode_frame(text.as_bytes(), &mut frame);
        let sent = self.wire.send(&frame);
        sent.map_err(|error| TestError::broken(format!("a member cannot send: {error}")))
    }

    /// Sends until all is sent or the connection ends. Reading shows how it ended.
    fn send(&mut self, bytes: &[u8], way: Way) {
        let size = if way == Way::Whole { bytes.len().max(1) } else { 1 };
        bytes.chunks(size).all(|chunk| self.wire.send(chunk).is_ok());
    }

    /// The next pair; `None` if none comes within this time.
    fn pair(&mut self, within: Duration) -> Result<Option<Pair>, TestError> {
        loop {
            if let Some(pair) = self.next_pair()? {
                return Ok(Some(pair));
            }
            match self.wire.receive(CHUNK, within) {
                Received::Bytes(bytes) => self.pairs.feed(&bytes),
                Received::Silence => return Ok(None),
                end => {
                    return Err(TestError::broken(format!("a member's connection ends: {end:?}")));
                }
            }
        }
    }

    /// All pairs until the end of the connection, and how it ended.
    fn read_to_end(&mut self) -> Result<(Vec<Pair>, Received), TestError> {
        let end = loop {
            match self.wire.receive(CHUNK, DEADLINE) {
                Received::Bytes(bytes) => self.pairs.feed(&bytes),
                end => break end,
            }
        };
        let mut pairs = Vec::new();
        while let Some(pair) = self.next_pair()? {
            pairs.push(pair);
        }
        if !self.pairs.rest().is_empty() {
            return Err(TestError::broken("the connection ended inside a pair"));
        }
        Ok((pairs, end))
    }

    fn next_pair(&mut self) -> Result<Option<Pair>, TestError> {
        self.pairs.next_pair().map_err(|malformed| TestError::Broken {
            what: "a client receives bytes that are not a pair".into(),
            expected: malformed.expected,
            received: malformed.received,
        })
    }
}

/// Text in the notation of the table. Bytes that are not UTF-8 are escaped, and match no entry.
fn shown(bytes: &[u8]) -> String {
    let Ok(text) = str::from_utf8(bytes) else { return bytes.escape_ascii().to_string() };
    let escaped = text.chars().map(|char| match char {
        '\'' => "'".to_owned(),
        char => char.escape_default().to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Long enough for a slow machine.
const DEADLINE: Duration = Duration::from_secs(10);
const REPEAT_INTERVAL: Duration = Duration::from_millis(50);
const CHUNK: usize = 64 * 1024;
/// Longer files differ from shorter ones only in their length.
const BYTEWISE_MAX: usize = 64;
