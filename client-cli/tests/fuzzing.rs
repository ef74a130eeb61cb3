//! The fuzzing: what the fuzz target has found so far, tried again without a fuzzer.

use client_cli::clean;

#[path = "fuzzing/cleaning.rs"]
mod cleaning;
#[path = "../../protocol/tests/fuzzing/replay.rs"]
mod replay;

#[test]
fn every_stored_input_passes() {
    replay::replay("fuzz/corpus/clean", cleaning::check);
}
