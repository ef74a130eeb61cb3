//! Fuzzing: runs the inputs that the fuzzer has collected, without a fuzzer.

#[path = "fuzzing/decoder.rs"]
mod decoder;
#[path = "properties/model.rs"]
mod model;
#[path = "fuzzing/replay.rs"]
mod replay;

#[test]
fn every_collected_input_passes() {
    replay::replay("fuzz/corpus/decoder", decoder::check);
}
