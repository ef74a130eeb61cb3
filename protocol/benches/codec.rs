//! Speed of the codec: frames and wire bytes per second, decoding and encoding.

use std::hint::black_box;
use std::time::Duration;

use bytes::BytesMut;
use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use protocol::{Decoder, HEADER_LEN, encode_frame};

/// Bytes of a short line of chat, a long one, a page, and the servers' default limit.
const PAYLOAD_BYTES: [usize; 4] = [16, 256, 4 * 1024, 64 * 1024];

/// Bytes in one iteration. They are many, so that starting and stopping the clock does not count. They fit the
/// processor's caches, as bytes do that a server has just received.
const STREAM_BYTES: usize = 1024 * 1024;

/// Bytes that the servers read, and therefore feed, at a time.
const CHUNK_BYTES: usize = 16 * 1024;

fn decode(criterion: &mut Criterion) {
    let mut group = group(criterion, "decode");
    for payload_bytes in PAYLOAD_BYTES {
        let frames = frames_in_stream(payload_bytes);
        let stream = encoded(frames, &vec![b'x'; payload_bytes]);
        group.throughput(throughput(frames, payload_bytes));
        group.bench_function(BenchmarkId::from_parameter(payload_bytes), |bencher| {
            bencher.iter(|| assert_eq!(decode_in_chunks(&stream, payload_bytes), frames));
        });
    }
}

/// Feeds chunks and takes the frames out after each, as a server does. Returns the number of frames.
fn decode_in_chunks(stream: &[u8], limit: usize) -> usize {
    let mut decoder = Decoder::new(limit);
    let mut frames = 0;
    for chunk in stream.chunks(CHUNK_BYTES) {
        decoder.feed(chunk);
        while let Some(payload) = decoder.next_frame().expect("the stream is well formed") {
            black_box(payload);
            frames += 1;
        }
    }
    frames
}

fn encode(criterion: &mut Criterion) {
    let mut group = group(criterion, "encode");
    for payload_bytes in PAYLOAD_BYTES {
        let frames = frames_in_stream(payload_bytes);
        let payload = vec![b'x'; payload_bytes];
        let mut out = BytesMut::with_capacity(frames * (HEADER_LEN + payload_bytes));
        group.throughput(throughput(frames, payload_bytes));
        group.bench_function(BenchmarkId::from_parameter(payload_bytes), |bencher| {
            bencher.iter(|| {
                out.clear();
                for _ in 0..frames {
                    encode_frame(black_box(&payload), &mut out);
                }
                black_box(out.len())
            });
        });
    }
}

/// Short times: all eight figures together take about 20 seconds.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(20);
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_millis(1500));
    group
}

fn frames_in_stream(payload_bytes: usize) -> usize {
    STREAM_BYTES / (HEADER_LEN + payload_bytes)
}

fn encoded(frames: usize, payload: &[u8]) -> BytesMut {
    let mut stream = BytesMut::new();
    for _ in 0..frames {
        encode_frame(payload, &mut stream);
    }
    stream
}

fn throughput(frames: usize, payload_bytes: usize) -> Throughput {
    let wire_bytes = frames * (HEADER_LEN + payload_bytes);
    Throughput::ElementsAndBytes { elements: frames as u64, bytes: wire_bytes as u64 }
}

criterion_group!(codec, decode, encode);
criterion_main!(codec);
