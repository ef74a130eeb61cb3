//! The fuzzing: what the fuzz target has found so far, tried again without a fuzzer.

#[path = "fuzzing/decoder.rs"]
mod decoder;
#[path = "properties/model.rs"]
mod model;
#[path = "fuzzing/replay.rs"]
mod replay;

#[test]
fn every_input_found_so_far_holds() {
    replay::replay("fuzz/corpus/decoder", decoder::check);
}
