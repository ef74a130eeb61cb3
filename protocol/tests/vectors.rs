//! The golden bytes of `vectors.txt`: each vector is decoded three ways and compared with the encoder.

use bytes::BytesMut;
use protocol::{
    Decoder, FrameError, FrameFault, HEADER_LEN, PairDecoder, encode_frame, encode_pair,
};

use file::{Content, End, Payload, Spelling, Vector};

#[path = "vectors/file.rs"]
mod file;

const FILE: &str = include_str!("../vectors.txt");

/// With fewer vectors, part of the file is missing.
const VECTORS_MIN: usize = 109;

#[test]
fn the_file_has_all_its_vectors() {
    let count = vectors().len();
    assert!(count >= VECTORS_MIN, "expected {VECTORS_MIN} vectors or more, found {count}");
}

#[test]
fn vectors_decode_in_one_piece() {
    for vector in vectors() {
        assert_eq!(vector.expected(), vector.decode([&vector.input[..]]), "{}", vector.name);
    }
}

#[test]
fn vectors_decode_byte_by_byte() {
    for vector in vectors() {
        assert_eq!(vector.expected(), vector.decode(vector.input.chunks(1)), "{}", vector.name);
    }
}

/// After an error the next frame must change nothing. Cut vectors are left out: there the next frame's bytes
/// would become payload.
#[test]
fn vectors_decode_with_another_frame_after_them() {
    for vector in vectors().into_iter().filter(|vector| vector.end != End::Cut) {
        let next = Payload(vec![b'n'; vector.limit.min(4)]);
        let mut stream = BytesMut::from(&vector.input[..]);
        encode_frame(&next.0, &mut stream);
        let mut expected = vector.expected();
        if expected.error.is_none() {
            expected.payloads.push(next);
        }
        assert_eq!(expected, vector.decode([&stream[..]]), "{}", vector.name);
    }
}

#[test]
fn an_error_is_reported_at_the_first_byte_that_shows_it() {
    for vector in vectors() {
        let Some(error) = vector.expected().error else { continue };
        let at = usize::try_from(error.at).expect("an index of the input");
        let needed = match error.fault {
            FrameFault::Byte(_) => at + 1,
            FrameFault::Blank | FrameFault::TooLong { .. } => at + HEADER_LEN,
        };
        let before = vector.decode([&vector.input[..needed - 1]]);
        let after = vector.decode([&vector.input[..needed]]);
        assert_eq!((None, Some(error)), (before.error, after.error), "{}", vector.name);
    }
}

#[test]
fn pairs_decode_in_one_piece_and_byte_by_byte() {
    for vector in vectors().iter().filter(|vector| vector.content == Content::Pairs) {
        let whole = vector.decode_pairs(vector.input.len());
        assert_eq!(vector.expected_pairs(), whole, "{}", vector.name);
        assert_eq!(vector.expected_pairs(), vector.decode_pairs(1), "{}", vector.name);
    }
}

/// A vector of whole frames without the mark `canonical` must have another spelling; otherwise the mark was
/// forgotten.
#[test]
fn the_encoder_writes_the_canonical_vectors() {
    for vector in vectors().into_iter().filter(|vector| vector.end == End::Whole) {
        let canonical = vector.encode() == vector.input;
        assert_eq!(vector.spelling == Spelling::Canonical, canonical, "{}", vector.name);
    }
}

fn vectors() -> Vec<Vector> {
    file::parse(FILE).expect("vectors.txt has the format it describes")
}

/// The result of decoding a stream.
#[derive(Debug, PartialEq)]
struct Outcome {
    payloads: Vec<Payload>,
    error: Option<FrameError>,
    mid_frame: bool,
}

impl Vector {
    fn expected(&self) -> Outcome {
        Outcome {
            payloads: self.payloads.clone(),
            error: self.error(),
            mid_frame: self.mid_frame(),
        }
    }

    /// Whether bytes of an incomplete frame remain. A pair can also be cut between its two frames.
    fn mid_frame(&self) -> bool {
        let whole: usize = self.payloads.iter().map(|payload| HEADER_LEN + payload.0.len()).sum();
        self.end == End::Cut && whole < self.input.len()
    }

    fn decode<'a>(&self, chunks: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
        let mut decoder = Decoder::new(self.limit);
        let mut payloads = Vec::new();
        let mut error = None;
        for chunk in chunks {
            decoder.feed(chunk);
            error = loop {
                match decoder.next_frame() {
                    Ok(Some(payload)) => payloads.push(Payload(payload.to_vec())),
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
        }
        let mid_frame = decoder.is_mid_frame();
        assert_eq!(
            mid_frame,
            decoder.held() > 0,
            "{}: only an incomplete frame takes memory",
            self.name
        );
        Outcome { payloads, error, mid_frame }
    }

    /// Senders and texts of the whole pairs, the error, and whether the end is inside a pair.
    fn expected_pairs(&self) -> Outcome {
        let whole = self.payloads.len() / 2 * 2;
        let mid_frame = self.end == End::Cut || whole < self.payloads.len();
        Outcome { payloads: self.payloads[..whole].to_vec(), error: self.error(), mid_frame }
    }

    fn decode_pairs(&self, chunk_bytes: usize) -> Outcome {
        let mut decoder = PairDecoder::new(self.limit);
        let mut payloads = Vec::new();
        let mut error = None;
        for chunk in self.input.chunks(chunk_bytes) {
            decoder.feed(chunk);
            error = loop {
                match decoder.next_pair() {
                    Ok(Some(pair)) => {
                        payloads
                            .extend([pair.sender, pair.text].map(|part| Payload(part.to_vec())));
                    }
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
        }
        Outcome { payloads, error, mid_frame: decoder.is_mid_pair() }
    }

    fn encode(&self) -> BytesMut {
        let mut out = BytesMut::new();
        match self.content {
            Content::Frames => {
                for payload in &self.payloads {
                    encode_frame(&payload.0, &mut out);
                }
            }
            Content::Pairs => {
                for pair in self.payloads.chunks(2) {
                    encode_pair(&pair[0].0, &pair[1].0, &mut out);
                }
            }
        }
        out
    }
}
