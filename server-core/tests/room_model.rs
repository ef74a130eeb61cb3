//! The room under random use, compared with an obvious and slow model: a queue of pairs per member.

use proptest::collection::vec;
use proptest::prelude::*;
use server_core::Relay;

use op::{Op, frame};
use trial::{Terms, WINDOW_MIN, run};

#[path = "room_model/input.rs"]
mod input;
#[path = "room_model/op.rs"]
mod op;
#[path = "../../protocol/tests/fuzzing/replay.rs"]
mod replay;
#[path = "room_model/slow.rs"]
mod slow;
#[path = "../../protocol/tests/properties/model.rs"]
mod stream;
#[path = "room_model/trial.rs"]
mod trial;

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![92 => of_members(), 15 => of_commands(), 40 => of_connections(), 7 => of_all()]
}

/// What a member sends and reads.
fn of_members() -> impl Strategy<Value = Op> {
    let (who, length, bytes) = (0..6_usize, 0..120_usize, 0..400_usize);
    prop_oneof![
        6 => (0..4_usize).prop_map(|name| Op::Join { name }),
        30 => (who.clone(), length.clone()).prop_map(|(who, length)| Op::Say { who, length }),
        4 => (who.clone(), length).prop_map(|(who, length)| Op::Notify { who, length }),
        8 => Just(Op::NextDirect),
        8 => who.clone().prop_map(|who| Op::NextBatch { who }),
        2 => who.clone().prop_map(|who| Op::Unblock { who }),
        30 => (who.clone(), bytes).prop_map(|(who, bytes)| Op::Take { who, bytes }),
        2 => who.clone().prop_map(|who| Op::Drain { who }),
        1 => who.clone().prop_map(|who| Op::Reject { who }),
        1 => who.clone().prop_map(|who| Op::Abort { who }),
        2 => who.prop_map(|who| Op::Leave { who }),
    ]
}

fn of_commands() -> impl Strategy<Value = Op> {
    let (who, length) = (0..6_usize, 0..120_usize);
    prop_oneof![
        4 => (who.clone(), 0..4_usize).prop_map(|(who, name)| Op::Nick { who, name }),
        6 => (who.clone(), who.clone(), length)
            .prop_map(|(who, to, length)| Op::Msg { who, to, length }),
        2 => (who, 0..4_usize).prop_map(|(who, what)| Op::Ask { who, what }),
    ]
}

fn of_connections() -> impl Strategy<Value = Op> {
    let who = 0..6_usize;
    prop_oneof![
        6 => Just(Op::Connect),
        30 => (who.clone(), arrival()).prop_map(|(who, bytes)| Op::Feed { who, bytes }),
        2 => who.clone().prop_map(|who| Op::Eof { who }),
        1 => who.prop_map(|who| Op::Reset { who }),
    ]
}

fn of_all() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..60_u64).prop_map(|millis| Op::Wait { millis }),
        // Rare, because little happens after a room was closed.
        1 => prop_oneof![15 => Just(Op::Wait { millis: 0 }), 1 => Just(Op::Close)],
    ]
}

/// The bytes of one segment: frames, whole or in parts, that can be a name as well as a message, and sometimes
/// malformed input.
fn arrival() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => "[a-d]{1,8}".prop_map(|text| frame(text.as_bytes())),
        10 => "/(who|help|nick|nick [a-d]{1,2}|msg [a-d]{1,2} [a-d ]{0,9}|[/a-d]{0,3})"
            .prop_map(|text| frame(text.as_bytes())),
        10 => vec(any::<u8>(), 0..60).prop_map(|text| frame(&text)),
        5 => vec("[a-d]{0,4}".prop_map(|text| frame(text.as_bytes())), 0..6)
            .prop_map(|frames| frames.concat()),
        3 => Just(b"3      ".to_vec()),
        3 => Just(b"   abc".to_vec()),
        2 => Just(b"hello\n".to_vec()),
        1 => Just(frame(b"server")),
        1 => vec(any::<u8>(), 0..12),
    ]
}

fn relay() -> impl Strategy<Value = Relay> {
    prop_oneof![3 => Just(Relay::Others), 2 => Just(Relay::Everyone), 1 => Just(Relay::Sender)]
}

proptest! {
    /// Every member gets the same bytes in the same order, and nothing after its end; the flow rule holds exactly.
    #[test]
    fn every_member_receives_what_the_slow_model_expects(
        relay in relay(),
        extensions in any::<bool>(),
        window in WINDOW_MIN..4_000,
        ops in vec(op(), 0..300),
    ) {
        run(Terms { relay, extensions, window }, ops.into_iter());
    }
}

/// Two trials that failed under fuzzing: the slow model expected a wrong position of the fault, and too little memory in
/// an empty room.
#[test]
fn the_position_of_a_fault_counts_the_frames_before_it() {
    let bytes = [frame(b"ann"), frame(b"hi"), b"e".to_vec()].concat();
    run(base(400), [Op::Connect, Op::Feed { who: 0, bytes }].into_iter());
}

#[test]
fn an_empty_room_may_keep_a_little_and_the_notice() {
    let ops =
        [Op::Join { name: 0 }, Op::Say { who: 0, length: 5 }, Op::Leave { who: 0 }, Op::Close];
    run(base(1_950), ops.into_iter());
}

/// A trial that failed because of the room: it still held everything that it had held for its last member.
#[test]
fn memory_of_a_pause_is_freed_before_more_is_appended() {
    let join = || Op::Join { name: 0 };
    let take = |who| Op::Take { who, bytes: 510 };
    // The fifth finds the room paused, until the first reads.
    let paused = [take(2), take(2), Op::Abort { who: 1 }, join(), take(0), join()];
    let ops = [join(), join(), join(), join()].into_iter().chain(paused);
    run(Terms { relay: Relay::Everyone, extensions: true, window: 200 }, ops);
}

/// A room with the defaults, except for its window.
fn base(window: usize) -> Terms {
    Terms { relay: Relay::Others, extensions: false, window }
}

#[test]
fn every_input_found_by_fuzzing_passes() {
    replay::replay("fuzz/corpus/room", input::check);
}
