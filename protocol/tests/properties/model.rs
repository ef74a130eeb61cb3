//! Model: a plain and slow decoder, which reads the whole stream again at every call.

use protocol::{FrameError, FrameFault, HEADER_LEN};

/// The result of decoding the bytes so far.
pub(crate) struct Slow {
    pub(crate) payloads: Vec<Vec<u8>>,
    pub(crate) error: Option<FrameError>,
    pub(crate) mid_frame: bool,
}

pub(crate) fn decode_slowly(stream: &[u8], limit: usize) -> Slow {
    let mut payloads = Vec::new();
    let mut start = 0;
    let error = loop {
        let header = &stream[start..stream.len().min(start + HEADER_LEN)];
        if let Some((at, fault)) = fault_of_header(header) {
            break Some(FrameError { at: (start + at) as u64, fault });
        }
        if header.len() < HEADER_LEN {
            break None;
        }
        let digits = str::from_utf8(header).expect("digits and spaces").trim();
        let length: u64 = digits.parse().expect("at most ten digits");
        if length > limit as u64 {
            let fault = FrameFault::TooLong { length, limit };
            break Some(FrameError { at: start as u64, fault });
        }
        let payload = start + HEADER_LEN;
        let end = payload + usize::try_from(length).expect("within the limit");
        let Some(bytes) = stream.get(payload..end) else { break None };
        payloads.push(bytes.to_vec());
        start = end;
    };
    Slow { payloads, error, mid_frame: error.is_none() && start < stream.len() }
}

/// The first wrong byte of a header, or of the part of it that arrived.
pub(crate) fn fault_of_header(header: &[u8]) -> Option<(usize, FrameFault)> {
    let mut digits = 0;
    let mut padding = false;
    for (at, &byte) in header.iter().enumerate() {
        match byte {
            b'0'..=b'9' if !padding => digits += 1,
            b' ' => padding = digits > 0,
            _ => return Some((at, FrameFault::Byte(byte))),
        }
    }
    (header.len() == HEADER_LEN && digits == 0).then_some((0, FrameFault::Blank))
}
