//! Split: frames and pairs as slices of a read buffer, without a copy.

use protocol::{FrameError, FrameFault, parse_header};

/// A pair in the read buffer. The load reads tens of millions of pairs a second, and has no time to
/// copy them.
#[derive(Clone, Copy, Debug)]
pub struct PairRef<'a> {
    /// The sender's name; empty in a dialect without names.
    pub sender: &'a [u8],
    /// The message.
    pub text: &'a [u8],
}

/// What is at the start of some bytes, and the bytes after it; `None` if it is not complete.
pub type Split<'a, T> = Option<(T, &'a [u8])>;

/// The pair at the start of `bytes`, neither part of which may be longer than `limit` bytes.
///
/// ```
/// let bytes = b"3         ann5         hello1";
/// let (pair, rest) = load::wire::split_pair(bytes, 64).unwrap().unwrap();
/// assert_eq!((pair.sender, pair.text, rest), (&b"ann"[..], &b"hello"[..], &b"1"[..]));
/// assert!(load::wire::split_pair(bytes, 4).is_err());
/// ```
///
/// # Errors
///
/// A header is malformed, or announces more than the limit; that is reported when the header is
/// complete.
pub fn split_pair(bytes: &[u8], limit: usize) -> Result<Split<'_, PairRef<'_>>, FrameError> {
    let Some((sender, rest)) = split_limited_frame(bytes, limit)? else { return Ok(None) };
    let Some((text, rest)) = split_limited_frame(rest, limit)? else { return Ok(None) };
    Ok(Some((PairRef { sender, text }, rest)))
}

/// The payload of the frame at the start of `bytes`, which may not be longer than `limit` bytes.
///
/// It is [`protocol::split_frame`] with a limit: a reader that keeps incomplete frames needs one.
///
/// # Errors
///
/// As [`split_pair`].
pub fn split_limited_frame(bytes: &[u8], limit: usize) -> Result<Split<'_, &[u8]>, FrameError> {
    let frame = protocol::split_frame(bytes)?;
    // The length of an incomplete frame is known from its header only.
    let announced = || parse_header(bytes).ok().flatten();
    match frame.map_or_else(announced, |(payload, _)| Some(payload.len() as u64)) {
        Some(length) if length > limit as u64 => {
            Err(FrameError { at: 0, fault: FrameFault::TooLong { length, limit } })
        }
        _ => Ok(frame),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_cut_at_any_byte_is_incomplete() {
        let pair = protocol::pair(b"ann", b"hello");
        for cut in 0..pair.len() {
            assert!(split_pair(&pair[..cut], 64).unwrap().is_none(), "cut at {cut}");
        }
        let (split, rest) = split_pair(&pair, 64).unwrap().unwrap();
        assert_eq!((&b"ann"[..], &b"hello"[..], 0), (split.sender, split.text, rest.len()));
        assert!(split_pair(&pair, 4).is_err());
    }

    #[test]
    fn a_frame_over_the_limit_is_an_error_as_soon_as_its_header_is_complete() {
        let error = FrameError { at: 0, fault: FrameFault::TooLong { length: 5, limit: 4 } };
        for frame in [&b"5         "[..], b"5         hel", b"5         hello1"] {
            assert_eq!(Err(error), split_limited_frame(frame, 4), "{}", frame.escape_ascii());
        }
        assert_eq!(Ok(None), split_limited_frame(b"5        ", 4));
    }
}
