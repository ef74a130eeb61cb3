//! Decoder: any bytes in any segmentation, compared with the slow decoder and the encoder.

use bytes::BytesMut;
use protocol::{Decoder, FrameError, HEADER_LEN, Pair, PairDecoder, encode_frame};

use crate::model::{Slow, decode_slowly};

/// Interprets an input as a reader, a segmentation and a stream, and checks what holds for every stream.
pub(crate) fn check(input: &[u8]) {
    let Some(Case { reader, sizes, limit, stream }) = case(input) else { return };
    let slow = decode_slowly(stream, limit);
    match reader {
        Reader::Server => {
            let take = |decoder: &mut Decoder| Ok(decoder.next_frame()?.map(Vec::from));
            let read = |decoder: &mut Decoder| {
                decoder.read_frame(|frame| Some(frame.to_vec())).map(Option::flatten)
            };
            for next in [take, read] {
                decode_frames(segments(stream, &[u8::MAX]), limit, &slow, next);
                decode_frames(segments(stream, sizes), limit, &slow, next);
            }
        }
        Reader::Client => decode_pairs(segments(stream, sizes), limit, &slow),
    }
    encode_again(&slow.payloads, limit);
}

struct Case<'a> {
    reader: Reader,
    sizes: &'a [u8],
    limit: usize,
    stream: &'a [u8],
}

/// The reader of the stream: a server reads frames, a client pairs.
enum Reader {
    Server,
    Client,
}

/// The first byte's highest bit selects the reader, its lower half is the number of segment sizes that
/// follow. After the sizes come the limit (one byte) and the stream.
fn case(input: &[u8]) -> Option<Case<'_>> {
    let (&first, rest) = input.split_first()?;
    let reader = if first.is_ascii() { Reader::Server } else { Reader::Client };
    let (sizes, rest) = rest.split_at_checked(usize::from(first % 16))?;
    let (&limit, stream) = rest.split_first()?;
    Some(Case { reader, sizes, limit: limit.into(), stream })
}

/// The stream in segments of these sizes, repeated; byte by byte if there are none.
fn segments<'a>(mut stream: &'a [u8], sizes: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let sizes = if sizes.is_empty() { &[1] } else { sizes };
    sizes.iter().cycle().map_while(move |&size| {
        let (segment, rest) = stream.split_at(usize::from(size.max(1)).min(stream.len()));
        stream = rest;
        (!segment.is_empty()).then_some(segment)
    })
}

fn decode_frames<'a>(
    segments: impl Iterator<Item = &'a [u8]>,
    limit: usize,
    slow: &Slow,
    next: fn(&mut Decoder) -> Result<Option<Vec<u8>>, FrameError>,
) {
    let mut decoder = Decoder::new(limit);
    let mut expected = slow.payloads.iter();
    let mut error = None;
    for segment in segments {
        decoder.feed(segment);
        error = drain(|| next(&mut decoder), |frame| assert_eq!(expected.next(), Some(&frame)));
        assert!(decoder.held() <= HEADER_LEN + limit, "{} bytes held", decoder.held());
        assert_eq!(decoder.is_mid_frame(), decoder.held() > 0);
    }
    assert_eq!((None, slow.error), (expected.next(), error));
    assert_eq!(slow.mid_frame, decoder.is_mid_frame());
}

fn decode_pairs<'a>(segments: impl Iterator<Item = &'a [u8]>, limit: usize, slow: &Slow) {
    let mut decoder = PairDecoder::new(limit);
    let (expected, lone) = slow.payloads.as_chunks::<2>();
    let mut expected = expected.iter();
    let mut error = None;
    for segment in segments {
        decoder.feed(segment);
        error = drain(
            || decoder.next_pair(),
            |Pair { sender, text }| {
                assert_eq!(expected.next(), Some(&[sender.into(), text.into()]));
            },
        );
    }
    assert_eq!((None, slow.error), (expected.next(), error));
    assert_eq!(!lone.is_empty() || slow.mid_frame, decoder.is_mid_pair());
}

/// The payloads can be encoded again, however their headers were spelled.
fn encode_again(payloads: &[Vec<u8>], limit: usize) {
    let mut stream = BytesMut::new();
    for payload in payloads {
        encode_frame(payload, &mut stream);
    }
    let again = decode_slowly(&stream, limit);
    assert_eq!((payloads, None), (&again.payloads[..], again.error));
}

/// Takes out everything that is complete, and returns the error that ended it.
fn drain<T>(
    mut next: impl FnMut() -> Result<Option<T>, FrameError>,
    mut check: impl FnMut(T),
) -> Option<FrameError> {
    loop {
        match next() {
            Ok(Some(whole)) => check(whole),
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}
