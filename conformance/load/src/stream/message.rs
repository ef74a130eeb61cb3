//! Message: text with its speaker, its number and a checksum of its bytes.

use crate::error::Violation;

/// The size of the shortest message that holds a stamp, in bytes.
pub const MESSAGE_BYTES_MIN: usize = FILLER_AT;

/// The most speakers whose numbers fit in a message.
pub const SPEAKERS_MAX: usize = 1 << (4 * SPEAKER_DIGITS);

/// The speaker of a message, and how many messages that speaker sent before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The place of its speaker among all speakers, from 0.
    pub speaker: usize,
    /// How many messages the speaker sent before it.
    pub sequence: u64,
}

impl Stamp {
    /// A message of `size` bytes with this stamp.
    ///
    /// ```
    /// let stamp = load::Stamp { speaker: 1, sequence: 7 };
    /// assert_eq!(Ok(stamp), load::parse(&stamp.message(64)));
    /// ```
    ///
    /// # Panics
    ///
    /// `size` is under [`MESSAGE_BYTES_MIN`].
    pub fn message(self, size: usize) -> Vec<u8> {
        let mut out = Vec::new();
        append(self, size, &mut out);
        out
    }
}

/// Appends a message of `size` bytes. It is plain ASCII, because servers repair what is not UTF-8.
///
/// # Panics
///
/// `size` is under [`MESSAGE_BYTES_MIN`].
pub(crate) fn append(stamp: Stamp, size: usize, out: &mut Vec<u8>) {
    assert!(size >= MESSAGE_BYTES_MIN, "a message of {size} bytes has no room for its stamp");
    let start = out.len();
    out.resize(start + size, filler(stamp.sequence));
    let message = &mut out[start..];
    write_hex(stamp.speaker as u64, &mut message[..SPEAKER_DIGITS]);
    message[SPEAKER_DIGITS] = b' ';
    write_hex(stamp.sequence, &mut message[SEQUENCE_AT..SEQUENCE_AT + SEQUENCE_DIGITS]);
    message[SUM_AT - 1] = b' ';
    message[FILLER_AT - 1] = b' ';
    let sum = checksum(message);
    write_hex(sum, &mut message[SUM_AT..SUM_AT + SUM_DIGITS]);
}

/// Reads a message's stamp, and checks every byte of the message against its checksum.
///
/// # Errors
///
/// The checksum does not match, or the message is too short: [`Violation::Altered`].
pub fn parse(message: &[u8]) -> Result<Stamp, Violation> {
    parse_stamp(message).ok_or_else(|| altered(message))
}

/// The violation of a message that no speaker sent like this, with its first bytes.
pub(crate) fn altered(message: &[u8]) -> Violation {
    let excerpt = &message[..message.len().min(EXCERPT_BYTES)];
    Violation::Altered { text: excerpt.escape_ascii().to_string() }
}

fn parse_stamp(message: &[u8]) -> Option<Stamp> {
    let sum = read_hex(message.get(SUM_AT..SUM_AT + SUM_DIGITS)?)?;
    if message.len() < MESSAGE_BYTES_MIN || sum != checksum(message) {
        return None;
    }
    let speaker = read_hex(&message[..SPEAKER_DIGITS])?;
    let sequence = read_hex(&message[SEQUENCE_AT..SEQUENCE_AT + SEQUENCE_DIGITS])?;
    Some(Stamp { speaker: usize::try_from(speaker).ok()?, sequence })
}

/// The byte that fills a message up. It differs from one message to the next, so that neighbours
/// differ in every byte.
fn filler(sequence: u64) -> u8 {
    b"abcdefghijklmnopqrstuvwxyz"[(sequence % 26) as usize]
}

/// A checksum of all bytes except its own. Each step is a bijection of the sum so far and of the
/// next word, so a change within any one word changes the result.
fn checksum(message: &[u8]) -> u64 {
    let sum =
        [&message[..SUM_AT], &message[SUM_AT + SUM_DIGITS..]].iter().fold(SEED, |sum, part| {
            let (words, rest) = part.as_chunks::<8>();
            let mut last = [0; 8];
            last[..rest.len()].copy_from_slice(rest);
            words.iter().chain([&last]).fold(sum, |sum, word| mix(sum, u64::from_le_bytes(*word)))
        });
    mix(sum, message.len() as u64)
}

fn mix(sum: u64, word: u64) -> u64 {
    (sum ^ word).wrapping_mul(PRIME).rotate_left(29)
}

fn write_hex(value: u64, places: &mut [u8]) {
    let mut rest = value;
    for place in places.iter_mut().rev() {
        *place = b"0123456789abcdef"[(rest & 0xf) as usize];
        rest >>= 4;
    }
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u64::from(digit))
    })
}

const SPEAKER_DIGITS: usize = 4;
const SEQUENCE_AT: usize = SPEAKER_DIGITS + 1;
/// Forty-eight bits outlast a month at a hundred million messages a second.
const SEQUENCE_DIGITS: usize = 12;
const SUM_AT: usize = SEQUENCE_AT + SEQUENCE_DIGITS + 1;
const SUM_DIGITS: usize = 16;
const FILLER_AT: usize = SUM_AT + SUM_DIGITS + 1;
const EXCERPT_BYTES: usize = 64;
/// The offset basis and the prime of the 64-bit FNV hash.
const SEED: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_of_a_message_can_be_read() {
        for size in [MESSAGE_BYTES_MIN, 36, 64, 1024] {
            let stamp = Stamp { speaker: 0xbeef, sequence: 0x0123_4567_89ab };
            let mut out = Vec::new();
            append(stamp, size, &mut out);
            assert_eq!((size, Ok(stamp)), (out.len(), parse(&out)));
        }
    }

    #[test]
    fn a_change_of_any_byte_is_detected() {
        let mut message = Vec::new();
        append(Stamp { speaker: 3, sequence: 7 }, 64, &mut message);
        for at in 0..message.len() {
            message[at] ^= 1;
            assert!(parse(&message).is_err(), "byte {at}");
            message[at] ^= 1;
        }
        assert!(parse(&message[..63]).is_err());
    }
}
