//! Properties of the codec under random input: any bytes in any segmentation, compared with a slow decoder.

use bytes::BytesMut;
use proptest::collection::vec;
use proptest::prelude::*;
use protocol::{
    Decoder, FrameError, FrameFault, HEADER_LEN, Pair, PairDecoder, encode_frame, encode_pair,
    header, pair, pair_len, parse_header, split_frame,
};

use headers::{header_byte, spelling};
use model::decode_slowly;

#[path = "properties/headers.rs"]
mod headers;
#[path = "properties/model.rs"]
mod model;
#[path = "properties/names.rs"]
mod names;
#[path = "properties/text.rs"]
mod text;

/// The payloads in order, and the error that ended the stream.
type Decoded = (Vec<Vec<u8>>, Option<FrameError>);

/// In bytes. Small, so that random lengths lie on both sides of it.
const LIMIT: usize = 40;

proptest! {
    #[test]
    fn encoded_frames_decode_to_the_same_payloads(payloads in vec(payload(), 0..20), sizes in segmentation()) {
        let stream = encoded(&payloads);
        let decoded = decode(&mut Decoder::new(LIMIT), &stream, &sizes);
        prop_assert_eq!((payloads, None), decoded);
    }

    #[test]
    fn encoded_pairs_decode_to_the_same_pairs(pairs in vec((payload(), payload()), 0..10), sizes in segmentation()) {
        let mut stream = BytesMut::new();
        for (sender, text) in &pairs {
            let before = stream.len();
            encode_pair(sender, text, &mut stream);
            prop_assert_eq!(pair_len(sender, text), stream.len() - before);
        }
        let mut decoder = PairDecoder::new(LIMIT);
        let mut decoded = Vec::new();
        for chunk in segments(&stream, &sizes) {
            decoder.feed(chunk);
            while let Some(Pair { sender, text }) = decoder.next_pair().unwrap() {
                decoded.push((sender.to_vec(), text.to_vec()));
            }
        }
        prop_assert_eq!(pairs, decoded);
        prop_assert!(!decoder.is_mid_pair());
    }

    #[test]
    fn a_single_pair_has_the_same_bytes_as_in_a_stream(sender in payload(), text in payload()) {
        let mut stream = BytesMut::new();
        encode_pair(&sender, &text, &mut stream);
        prop_assert_eq!(stream, pair(&sender, &text));
    }

    /// In every segmentation, each frame and the error come with the byte that completes them.
    #[test]
    fn any_segmentation_gives_what_the_slow_decoder_gives(
        stream in stream(),
        sizes in segmentation(),
    ) {
        let mut decoder = Decoder::new(LIMIT);
        let (mut payloads, mut error) = (Vec::new(), None);
        let mut arrived = 0;
        for chunk in segments(&stream, &sizes) {
            decoder.feed(chunk);
            arrived += chunk.len();
            error = drain(&mut decoder, &mut payloads);
            let slow = decode_slowly(&stream[..arrived], LIMIT);
            prop_assert_eq!(&(slow.payloads, slow.error), &(payloads.clone(), error));
            prop_assert_eq!(slow.mid_frame, decoder.is_mid_frame());
        }
        prop_assert_eq!(decode_slowly(&stream, LIMIT).error, error);
    }

    /// The bound is one byte less than the largest frame, and a chunk; after all frames are taken out, one frame.
    #[test]
    fn memory_is_at_most_a_frame_and_a_chunk(stream in stream(), sizes in segmentation()) {
        let chunk_bytes_max = *sizes.iter().max().unwrap();
        let mut decoder = Decoder::new(LIMIT);
        for chunk in segments(&stream, &sizes) {
            decoder.feed(chunk);
            prop_assert!(decoder.held() < HEADER_LEN + LIMIT + chunk_bytes_max);
            drain(&mut decoder, &mut Vec::new());
            prop_assert!(decoder.held() <= HEADER_LEN + LIMIT);
            prop_assert_eq!(decoder.is_mid_frame(), decoder.held() > 0);
        }
    }

    /// The buffer is at most twice as large as the bytes that arrived, whatever the length in the header.
    #[test]
    fn memory_follows_the_bytes_that_arrived(
        sent in 0..5000_usize,
        missing in 1..1_000_000_000_usize,
        chunk_bytes in 1..700_usize,
    ) {
        let mut decoder = Decoder::new(2_000_000_000);
        let mut stream = header(sent + missing).to_vec();
        stream.resize(HEADER_LEN + sent, b'x');
        let mut arrived = 0;
        for chunk in stream.chunks(chunk_bytes) {
            decoder.feed(chunk);
            arrived += chunk.len();
            prop_assert_eq!(Ok(None), decoder.next_frame());
            prop_assert!(decoder.held() <= 2 * arrived, "{} of {arrived}", decoder.held());
        }
    }

    /// More letters than the largest frame has bytes: whatever came before, one of them is in a header.
    #[test]
    fn an_error_repeats_and_the_buffer_is_freed(stream in stream(), more in stream()) {
        let broken = [stream, vec![b'x'; HEADER_LEN + LIMIT]].concat();
        let mut decoder = Decoder::new(LIMIT);
        let (_, error) = decode(&mut decoder, &broken, &[broken.len()]);
        prop_assert!(error.is_some());
        prop_assert_eq!(0, decoder.held());
        decoder.feed(&more);
        prop_assert_eq!(error, decoder.next_frame().err());
        prop_assert_eq!((0, false), (decoder.held(), decoder.is_mid_frame()));
    }

    #[test]
    fn splitting_gives_what_the_slow_decoder_gives(stream in stream()) {
        let (mut payloads, mut rest) = (Vec::new(), &stream[..]);
        let error = loop {
            match split_frame(rest) {
                Ok(Some((payload, after))) => {
                    payloads.push(payload.to_vec());
                    rest = after;
                }
                Ok(None) => break None,
                Err(FrameError { at, fault }) => {
                    let before = stream.len() - rest.len();
                    break Some(FrameError { at: before as u64 + at, fault });
                }
            }
        };
        let slow = decode_slowly(&stream, usize::MAX);
        prop_assert_eq!((slow.payloads, slow.error), (payloads, error));
        prop_assert_eq!(slow.mid_frame, error.is_none() && !rest.is_empty());
    }

    #[test]
    fn garbage_never_panics(garbage in vec(any::<u8>(), 0..200), sizes in segmentation()) {
        decode(&mut Decoder::new(LIMIT), &garbage, &sizes);
    }
}

/// The bound of `memory_is_at_most_a_frame_and_a_chunk` is exact.
#[test]
fn the_bound_on_memory_is_reached() {
    let mut decoder = Decoder::new(LIMIT);
    let almost = &encoded(&[vec![b'x'; LIMIT]])[..HEADER_LEN + LIMIT - 1];
    decoder.feed(almost);
    assert_eq!(Ok(None), decoder.next_frame());
    decoder.feed(&[b'x'; 100]);
    assert_eq!(HEADER_LEN + LIMIT - 1 + 100, decoder.held());
}

/// A payload that is the only owner of its memory does not share it with the decoder.
#[test]
fn an_idle_decoder_keeps_no_buffer() {
    let mut decoder = Decoder::new(LIMIT);
    decoder.feed(b"5         hello");
    let payload = decoder.next_frame().unwrap().unwrap();
    assert!(payload.is_unique());
}

/// A limit is exact, and the header alone is enough to reject a length over it.
#[test]
fn a_payload_of_the_limit_is_accepted_and_one_byte_more_is_not() {
    for limit in [0, 1, 9, 10, 99, 100, 1023, 1024, 65_536] {
        let payloads = vec![vec![b'x'; limit]];
        let decoded = decode(&mut Decoder::new(limit), &encoded(&payloads), &[100_000]);
        assert_eq!((payloads, None), decoded, "exactly {limit}");

        let fault = FrameFault::TooLong { length: limit as u64 + 1, limit };
        let decoded = decode(&mut Decoder::new(limit), &header(limit + 1), &[HEADER_LEN]);
        assert_eq!((Vec::new(), Some(FrameError { at: 0, fault })), decoded, "one over {limit}");
    }
}

#[test]
fn a_new_limit_applies_to_the_next_frame() {
    let mut decoder = Decoder::new(3);
    decoder.feed(b"3         ann5         hello");
    assert_eq!(Ok(Some("ann".into())), decoder.next_frame());
    decoder.set_limit(5);
    assert_eq!(Ok(Some("hello".into())), decoder.next_frame());
}

/// Feeds the stream in segments of these sizes, repeated, and takes all frames out after each.
fn decode(decoder: &mut Decoder, stream: &[u8], sizes: &[usize]) -> Decoded {
    let mut payloads = Vec::new();
    let mut error = None;
    for chunk in segments(stream, sizes) {
        decoder.feed(chunk);
        error = drain(decoder, &mut payloads);
    }
    (payloads, error)
}

/// Takes out all whole frames, by turns with `next_frame` and `read_frame`.
fn drain(decoder: &mut Decoder, payloads: &mut Vec<Vec<u8>>) -> Option<FrameError> {
    loop {
        let next = if payloads.len().is_multiple_of(2) {
            decoder.next_frame().map(|frame| frame.map(Into::into))
        } else {
            decoder.read_frame(|frame| Some(frame.to_vec())).map(Option::flatten)
        };
        match next {
            Ok(Some(payload)) => payloads.push(payload),
            Ok(None) => return None,
            Err(error) => return Some(error),
        }
    }
}

fn segments<'a>(mut stream: &'a [u8], sizes: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    sizes.iter().cycle().map_while(move |&size| {
        let (segment, rest) = stream.split_at(size.min(stream.len()));
        stream = rest;
        (!segment.is_empty()).then_some(segment)
    })
}

fn encoded(payloads: &[Vec<u8>]) -> BytesMut {
    let mut stream = BytesMut::new();
    for payload in payloads {
        encode_frame(payload, &mut stream);
    }
    stream
}

fn segmentation() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![vec(1..4_usize, 1..8), vec(1..200_usize, 1..8)]
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=LIMIT)
}

/// Frames in every spelling, some over the limit, and a few bytes that are not a frame.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let frame = spelling(0..LIMIT as u64 + 1).prop_flat_map(|spelling| {
        let length = parse_header(&spelling).expect("well formed").expect("whole");
        vec(any::<u8>(), usize::try_from(length).expect("within the limit"))
            .prop_map(move |payload| [&spelling[..], &payload].concat())
    });
    let piece = prop_oneof![
        12 => frame,
        1 => spelling(0..2 * LIMIT as u64),
        1 => vec(header_byte(), 0..12),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}
