//! The decoder's fuzz target. Its body is in `protocol/tests/fuzzing/decoder.rs`, where a test replays it.
#![no_main]

#[path = "../../tests/fuzzing/decoder.rs"]
mod decoder;
#[path = "../../tests/properties/model.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|input: &[u8]| decoder::check(input));
