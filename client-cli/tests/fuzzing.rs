//! The fuzz target's stored inputs, run again without a fuzzer.

use client_cli::clean;

#[path = "fuzzing/cleaning.rs"]
mod cleaning;
#[path = "../../protocol/tests/fuzzing/replay.rs"]
mod replay;

#[test]
fn every_stored_input_passes() {
    replay::replay("fuzz/corpus/clean", cleaning::check);
}
