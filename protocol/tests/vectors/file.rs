//! File: reads `vectors.txt` in the format that its first lines describe.

use std::fmt;

use protocol::{FrameError, FrameFault, HEADER_LEN};

/// One section of the file.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) limit: usize,
    pub(crate) input: Vec<u8>,
    pub(crate) payloads: Vec<Payload>,
    pub(crate) content: Content,
    pub(crate) spelling: Spelling,
    pub(crate) end: End,
}

#[derive(PartialEq)]
pub(crate) enum Content {
    Frames,
    Pairs,
}

#[derive(PartialEq)]
pub(crate) enum Spelling {
    Canonical,
    Accepted,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    Whole,
    Cut,
    Error { at: usize, kind: Kind },
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Byte,
    Blank,
    TooLong,
}

#[derive(Clone, PartialEq)]
pub(crate) struct Payload(pub(crate) Vec<u8>);

/// Only the start of the payload, so that a failed test's message stays short.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = &self.0[..self.0.len().min(32)];
        write!(f, "{} bytes \"{}\"", self.0.len(), start.escape_ascii())
    }
}

impl Vector {
    fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            limit: 65_536,
            input: Vec::new(),
            payloads: Vec::new(),
            content: Content::Frames,
            spelling: Spelling::Accepted,
            end: End::Whole,
        }
    }

    /// The complete error. The wrong byte, or the length in the header, is taken from the input.
    pub(crate) fn error(&self) -> Option<FrameError> {
        let End::Error { at, kind } = self.end else { return None };
        let fault = match kind {
            Kind::Byte => FrameFault::Byte(self.input[at]),
            Kind::Blank => FrameFault::Blank,
            Kind::TooLong => FrameFault::TooLong { length: self.length(at), limit: self.limit },
        };
        Some(FrameError { at: at as u64, fault })
    }

    fn length(&self, at: usize) -> u64 {
        let header = &self.input[at..at + HEADER_LEN];
        str::from_utf8(header).expect("ASCII").trim().parse().expect("digits")
    }

    fn error_is_inside(&self) -> bool {
        let End::Error { at, kind } = self.end else { return true };
        let needed = if kind == Kind::Byte { 1 } else { HEADER_LEN };
        at + needed <= self.input.len()
    }
}

/// Reads the text of such a file. The error names the line or the vector.
pub(crate) fn parse(text: &str) -> Result<Vec<Vector>, String> {
    let mut vectors: Vec<Vector> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        parse_line(line, &mut vectors).map_err(|what| format!("line {}: {what}", index + 1))?;
    }
    match vectors.iter().find(|vector| !vector.error_is_inside()) {
        Some(vector) => Err(format!("{}: the error lies outside the input", vector.name)),
        None => Ok(vectors),
    }
}

fn parse_line(line: &str, vectors: &mut Vec<Vector>) -> Result<(), String> {
    let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
    if keyword == "name" {
        if vectors.iter().any(|vector| vector.name == value) {
            return Err(format!("a second vector {value:?}"));
        }
        vectors.push(Vector::named(value));
        return Ok(());
    }
    let vector = vectors.last_mut().ok_or("a vector begins with its name")?;
    match (keyword, value) {
        ("limit", _) => vector.limit = parse_number(value)?,
        ("in", _) => vector.input.extend(parse_bytes(value)?),
        ("out", _) => vector.payloads.push(Payload(parse_bytes(value)?)),
        ("error", _) => vector.end = parse_error(value)?,
        ("cut", "") => vector.end = End::Cut,
        ("pairs", "") => vector.content = Content::Pairs,
        ("canonical", "") => vector.spelling = Spelling::Canonical,
        _ => return Err(format!("unknown keyword {line:?}")),
    }
    Ok(())
}

fn parse_error(value: &str) -> Result<End, String> {
    let (at, kind) = value.split_once(' ').unwrap_or((value, ""));
    let kind = match kind {
        "byte" => Kind::Byte,
        "blank" => Kind::Blank,
        "too-long" => Kind::TooLong,
        _ => return Err(format!("unknown error {kind:?}")),
    };
    Ok(End::Error { at: parse_number(at)?, kind })
}

fn parse_bytes(value: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for word in value.split_whitespace() {
        let (hex, times) = word.split_once('*').unwrap_or((word, "1"));
        bytes.extend(parse_hex(hex)?.repeat(parse_number(times)?));
    }
    Ok(bytes)
}

fn parse_hex(hex: &str) -> Result<Vec<u8>, String> {
    let not_hex = || format!("{hex:?} is not hexadecimal");
    let digits: Option<Vec<u32>> = hex.chars().map(|char| char.to_digit(16)).collect();
    let (pairs, rest) = digits.as_deref().ok_or_else(not_hex)?.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(format!("{hex:?} is not whole bytes"));
    }
    pairs.iter().map(|[high, low]| u8::try_from(high * 16 + low).map_err(|_| not_hex())).collect()
}

fn parse_number(digits: &str) -> Result<usize, String> {
    digits.parse().map_err(|_| format!("{digits:?} is not a number"))
}

#[test]
fn a_malformed_file_is_reported() {
    for (malformed, message) in [
        ("in 35", "line 1: a vector begins with its name"),
        ("name a\nnonsense", "line 2: unknown keyword \"nonsense\""),
        ("name a\nin 3", "line 2: \"3\" is not whole bytes"),
        ("name a\nin zz", "line 2: \"zz\" is not hexadecimal"),
        ("name a\nin 61*x", "line 2: \"x\" is not a number"),
        ("name a\nlimit", "line 2: \"\" is not a number"),
        ("name a\ncut 3", "line 2: unknown keyword \"cut 3\""),
        ("name a\nerror 0 strange", "line 2: unknown error \"strange\""),
        ("name a\nerror 0 byte", "a: the error lies outside the input"),
        ("name a\nname a", "line 2: a second vector \"a\""),
    ] {
        let found = parse(malformed).err();
        assert_eq!(Some(message.to_owned()), found, "{malformed:?}");
    }
}
