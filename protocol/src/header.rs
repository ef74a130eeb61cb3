//! Headers: the ten bytes before each payload, which give its length.

use nom::bytes::complete::take_while;
use nom::character::complete::digit0;
use nom::sequence::delimited;
use nom::{IResult, Parser};

use crate::error::FrameFault;

/// Bytes in a header (SPEC FRM-01).
pub const HEADER_LEN: usize = 10;

/// The longest payload, in bytes: the largest number of ten digits.
pub const PAYLOAD_MAX: u64 = 9_999_999_999;

/// The canonical header of a payload of `length` bytes: ASCII decimal, left-justified, padded with
/// spaces (SPEC FRM-01).
///
/// # Panics
///
/// `length` is larger than [`PAYLOAD_MAX`].
///
/// ```
/// assert_eq!(&protocol::header(5), b"5         ");
/// ```
pub fn header(length: usize) -> [u8; HEADER_LEN] {
    assert!(length as u64 <= PAYLOAD_MAX, "a payload of {length} bytes does not fit ten digits");
    // The header is built in one integer, whose lowest byte is the header's first byte. It starts as
    // all spaces. Each step moves what is there one byte to the right and puts a digit at the front,
    // from the last digit to the first. Digits written one by one into an array take twice the time:
    // the processor waits until the single bytes are stored before it can load the ten of them.
    let mut header = u128::from_le_bytes([b' '; 16]);
    let mut rest = length;
    loop {
        let digit = u8::try_from(rest % 10).expect("a remainder of ten is one digit");
        header = header << 8 | u128::from(b'0' + digit);
        rest /= 10;
        if rest == 0 {
            return *header.to_le_bytes().first_chunk().expect("sixteen bytes are at least ten");
        }
    }
}

/// The payload length, in bytes, from the header at the front of `bytes`: spaces, digits, spaces (SPEC FRM-06,
/// FRM-08).
///
/// `None` means that the header is correct so far but not complete. Bytes after the first [`HEADER_LEN`]
/// are not read.
///
/// # Errors
///
/// The index of the first byte that is not allowed in its place, and what is wrong with it (SPEC FRM-07).
/// Index 0 if all ten bytes are spaces.
///
/// ```
/// use protocol::{FrameFault, parse_header};
/// assert_eq!(parse_header(b"5         "), Ok(Some(5)));
/// assert_eq!(parse_header(b"5    "), Ok(None));
/// assert_eq!(parse_header(b"GET / HTTP"), Err((0, FrameFault::Byte(b'G'))));
/// ```
pub fn parse_header(bytes: &[u8]) -> Result<Option<u64>, (usize, FrameFault)> {
    let bytes = &bytes[..bytes.len().min(HEADER_LEN)];
    let (rest, digits) = padded_digits(bytes).expect("every part of the pattern can be empty");
    if let Some(&wrong) = rest.first() {
        return Err((bytes.len() - rest.len(), FrameFault::Byte(wrong)));
    }
    if bytes.len() < HEADER_LEN {
        return Ok(None);
    }
    if digits.is_empty() {
        return Err((0, FrameFault::Blank));
    }
    Ok(Some(digits.iter().fold(0, |length, digit| length * 10 + u64::from(digit - b'0'))))
}

fn padded_digits(bytes: &[u8]) -> IResult<&[u8], &[u8]> {
    delimited(spaces, digit0, spaces).parse(bytes)
}

fn spaces(bytes: &[u8]) -> IResult<&[u8], &[u8]> {
    take_while(|byte| byte == b' ').parse(bytes)
}
