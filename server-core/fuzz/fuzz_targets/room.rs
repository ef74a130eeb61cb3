//! The fuzz target of the room and its sessions: its body is `server-core/tests/room_model/input.rs`.
#![no_main]

#[path = "../../tests/room_model/input.rs"]
mod input;
#[path = "../../tests/room_model/op.rs"]
mod op;
#[path = "../../tests/room_model/slow.rs"]
mod slow;
#[path = "../../../protocol/tests/properties/model.rs"]
mod stream;
#[path = "../../tests/room_model/trial.rs"]
mod trial;

libfuzzer_sys::fuzz_target!(|input: &[u8]| input::check(input));
