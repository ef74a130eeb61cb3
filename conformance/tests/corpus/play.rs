//! Play: one file sent as one client's bytes, beside members who must notice nothing else.

use std::fmt::{self, Write};
use std::io;
use std::time::{Duration, Instant};

use conformance::suite::error::TestError;
use conformance::suite::pairs::PairReader;
use conformance::target::{Received, Wire};
use protocol::{Pair, encode_frame};

use crate::outcomes::Entry;

/// How a file is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// In one write.
    Whole,
    /// In one write per byte.
    Bytewise,
}

impl Way {
    /// Whether sending a file like that over a network takes little time.
    pub(crate) fn suits_a_network(self, entry: &Entry) -> bool {
        self == Self::Whole || entry.bytes().len() <= BYTEWISE_MAX
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Whole { "whole" } else { "bytewise" })
    }
}

/// How a connection to the subject is made.
pub(crate) type Connect = Box<dyn Fn() -> io::Result<Box<dyn Wire>>>;

/// Two members who talk for as long as the subject lives: one listens, the other proves with a fence that
/// all there was to hear has been heard.
pub(crate) struct Company {
    connect: Connect,
    witness: Listener,
    speaker: Listener,
    fences: usize,
}

/// One connection and the pairs that come over it.
struct Listener {
    wire: Box<dyn Wire>,
    pairs: PairReader,
}

impl Company {
    /// Lets both join, and waits until the one hears the other.
    pub(crate) fn gather(connect: Connect) -> Result<Self, TestError> {
        let [witness, speaker] =
            [Listener::named(&connect, "witness")?, Listener::named(&connect, "speaker")?];
        let mut company = Self { connect, witness, speaker, fences: 0 };
        let start = Instant::now();
        loop {
            company.speaker.say("is anybody here?")?;
            if company.witness.pair(REPEAT_PACE)?.is_some() {
                break;
            }
            if start.elapsed() > DEADLINE {
                return Err(TestError::broken("the members do not hear each other"));
            }
        }
        company.heard()?;
        Ok(company)
    }

    /// Sends a file as a client of its own, and tells in the table's words what became of it.
    pub(crate) fn play(&mut self, entry: &Entry, way: Way) -> Result<String, TestError> {
        let mut offender = Listener::new((self.connect)().map_err(|e| TestError::connecting(&e))?);
        offender.send(&entry.bytes(), way);
        if entry.leaves() {
            offender.wire.half_close().ok();
        }
        let (told, end) = offender.read_to_end()?;
        // A reset leaves no trace in the kernel's tables, which other tests have to read.
        offender.wire.reset();
        let mut outcome = String::new();
        for pair in self.heard()? {
            let (sender, text) = (shown(&pair.sender), shown(&pair.text));
            writeln!(outcome, "  heard {sender} {text}").expect("a string takes everything");
        }
        for pair in told {
            let sender = if pair.sender == "server" { "" } else { "in another name " };
            let text = shown(&pair.text);
            writeln!(outcome, "  told  {sender}{text}").expect("a string takes everything");
        }
        let end = match end {
            Received::Eof => &entry.end,
            Received::Reset => "a reset",
            _ => "none: it stays open",
        };
        Ok(outcome + "  end   " + end + "\n")
    }

    /// What the witness has heard since the last fence.
    fn heard(&mut self) -> Result<Vec<Pair>, TestError> {
        self.fences += 1;
        let fence = format!("fence {}", self.fences);
        self.speaker.say(&fence)?;
        let mut heard = Vec::new();
        loop {
            let pair = self.witness.pair(DEADLINE)?;
            let pair =
                pair.ok_or_else(|| TestError::broken("the other members hear nothing more"))?;
            if pair.text == fence {
                break;
            }
            heard.push(pair);
        }
        // It hears the same, and must not become a slow reader.
        while self.speaker.pair(Duration::ZERO)?.is_some() {}
        Ok(heard)
    }
}

impl Listener {
    fn new(wire: Box<dyn Wire>) -> Self {
        Self { wire, pairs: PairReader::default() }
    }

    fn named(connect: &Connect, name: &str) -> Result<Self, TestError> {
        let mut listener = Self::new(connect().map_err(|error| TestError::connecting(&error))?);
        listener.say(name)?;
        Ok(listener)
    }

    fn say(&mut self, text: &str) -> Result<(), TestError> {
        let mut frame = Vec::new();
        encode_frame(text.as_bytes(), &mut frame);
        let sent = self.wire.send(&frame);
        sent.map_err(|error| TestError::broken(format!("a member cannot speak: {error}")))
    }

    /// Sends for as long as the subject takes it: how it ends is seen by reading.
    fn send(&mut self, bytes: &[u8], way: Way) {
        let size = if way == Way::Whole { bytes.len().max(1) } else { 1 };
        bytes.chunks(size).all(|chunk| self.wire.send(chunk).is_ok());
    }

    /// The next pair, if one comes within this time.
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

    /// All that comes, and how it ends.
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
            return Err(TestError::broken("the last pair is torn"));
        }
        Ok((pairs, end))
    }

    fn next_pair(&mut self) -> Result<Option<Pair>, TestError> {
        self.pairs.next_pair().map_err(|malformed| TestError::Broken {
            what: "a client receives what is no pair".into(),
            expected: malformed.expected,
            received: malformed.received,
        })
    }
}

/// Text as the table spells it; what is not UTF-8 shows as escaped bytes, which the table never has.
fn shown(bytes: &[u8]) -> String {
    let Ok(text) = str::from_utf8(bytes) else { return bytes.escape_ascii().to_string() };
    let escaped = text.chars().map(|char| match char {
        '\'' => "'".to_owned(),
        char => char.escape_default().to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

/// Long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(10);
const REPEAT_PACE: Duration = Duration::from_millis(50);
const CHUNK: usize = 64 * 1024;
/// The longer files differ from shorter ones in their length alone.
const BYTEWISE_MAX: usize = 64;
