//! The fuzz target of the decoder: its body is `protocol/tests/fuzzing/decoder.rs`.
#![no_main]

#[path = "../../tests/fuzzing/decoder.rs"]
mod decoder;
#[path = "../../tests/properties/model.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|input: &[u8]| decoder::check(input));
