//! Split: frames and pairs where they lie, without a copy.

use protocol::{FrameError, FrameFault, HEADER_LEN, parse_header};

/// A pair where it lies in the read buffer: at tens of millions a second there is no time to copy it.
#[derive(Clone, Copy, Debug)]
pub struct PairRef<'a> {
    /// Whose name it bears; empty in a dialect without names.
    pub sender: &'a [u8],
    /// What it says.
    pub text: &'a [u8],
}

/// What stands at the start of some bytes, and those behind it; `None` if it is not complete.
pub type Split<'a, T> = Option<(T, &'a [u8])>;

/// The pair at the start of `bytes`, no part of which may be longer than `limit`.
///
/// # Errors
///
/// There is no frame, or a longer one.
pub fn split_pair(bytes: &[u8], limit: usize) -> Result<Split<'_, PairRef<'_>>, FrameError> {
    let Some((sender, rest)) = split_frame(bytes, limit)? else { return Ok(None) };
    let Some((text, rest)) = split_frame(rest, limit)? else { return Ok(None) };
    Ok(Some((PairRef { sender, text }, rest)))
}

/// The same of a frame.
///
/// # Errors
///
/// As [`split_pair`].
pub fn split_frame(bytes: &[u8], limit: usize) -> Result<Split<'_, &[u8]>, FrameError> {
    let announced =
        parse_header(bytes).map_err(|(at, fault)| FrameError { at: at as u64, fault })?;
    let Some(length) = announced else { return Ok(None) };
    match usize::try_from(length) {
        Ok(whole) if whole <= limit => Ok(bytes[HEADER_LEN..].split_at_checked(whole)),
        _ => Err(FrameError { at: 0, fault: FrameFault::TooLong { length, limit } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_cut_anywhere_waits_for_the_rest() {
        let pair = protocol::pair(b"ann", b"hello");
        for cut in 0..pair.len() {
            assert!(split_pair(&pair[..cut], 64).unwrap().is_none(), "cut at {cut}");
        }
        let (heard, rest) = split_pair(&pair, 64).unwrap().unwrap();
        assert_eq!((&b"ann"[..], &b"hello"[..], 0), (heard.sender, heard.text, rest.len()));
        assert!(split_pair(&pair, 4).is_err());
    }
}
