//! The fuzz target of the text cleaning: its body is `client-cli/tests/fuzzing/cleaning.rs`.
#![no_main]

// The module alone: a tenth of the crate's time to build.
#[path = "../../src/clean.rs"]
pub mod clean;
#[path = "../../tests/fuzzing/cleaning.rs"]
mod cleaning;

libfuzzer_sys::fuzz_target!(|input: &[u8]| cleaning::check(input));
