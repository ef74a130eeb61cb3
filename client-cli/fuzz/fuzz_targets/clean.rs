//! The fuzz target for the cleaning of text. Its body is `client-cli/tests/fuzzing/cleaning.rs`.
#![no_main]

// Includes the module instead of the crate, which takes ten times as long to build.
#[path = "../../src/clean.rs"]
pub mod clean;
#[path = "../../tests/fuzzing/cleaning.rs"]
mod cleaning;

libfuzzer_sys::fuzz_target!(|input: &[u8]| cleaning::check(input));
