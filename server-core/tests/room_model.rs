//! The room under random use, against the obvious slow model: a queue of pairs per member.

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

/// What a member says and reads.
fn of_members() -> impl Strategy<Value = Op> {
    let (who, length, bytes) = (0..6_usize, 0..120_usize, 0..400_usize);
    prop_oneof![
        6 => (0..4_usize).prop_map(|name| Op::Join { name }),
        30 => (who.clone(), length.clone()).prop_map(|(who, length)| Op::Say { who, length }),
        4 => (who.clone(), length).prop_map(|(who, length)| Op::Tell { who, length }),
        8 => Just(Op::Serve),
        8 => who.clone().prop_map(|who| Op::Pull { who }),
        2 => who.clone().prop_map(|who| Op::Unblock { who }),
        30 => (who.clone(), bytes).prop_map(|(who, bytes)| Op::Take { who, bytes }),
        2 => who.clone().prop_map(|who| Op::Finish { who }),
        1 => who.clone().prop_map(|who| Op::Refuse { who }),
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
        2 => who.clone().prop_map(|who| Op::End { who }),
        1 => who.prop_map(|who| Op::Reset { who }),
    ]
}

fn of_all() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..60_u64).prop_map(|millis| Op::Wait { millis }),
        // Rare, because little happens after it.
        1 => prop_oneof![15 => Just(Op::Wait { millis: 0 }), 1 => Just(Op::Shut)],
    ]
}

/// What comes in one segment: frames, whole or in parts, that make a name as well as a message, and now
/// and then nonsense.
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
    /// Same bytes, same order, for every member; nothing after its end; the flow rule to the letter.
    #[test]
    fn every_member_gets_what_the_slow_model_says(
        relay in relay(),
        extensions in any::<bool>(),
        window in WINDOW_MIN..4_000,
        ops in vec(op(), 0..300),
    ) {
        run(Terms { relay, extensions, window }, ops.into_iter());
    }
}

/// Two trials that fuzzing ended: the slow model had the place of the fault wrong, and then what may stay.
#[test]
fn a_fault_lies_behind_the_good_frames_before_it() {
    let bytes = [frame(b"ann"), frame(b"hi"), b"e".to_vec()].concat();
    run(base(400), [Op::Connect, Op::Feed { who: 0, bytes }].into_iter());
}

#[test]
fn a_little_and_the_notice_may_stay_in_an_empty_room() {
    let ops = [Op::Join { name: 0 }, Op::Say { who: 0, length: 5 }, Op::Leave { who: 0 }, Op::Shut];
    run(base(1_950), ops.into_iter());
}

/// And one that the room's fault ended: it still held all that it had held for its last member.
#[test]
fn what_a_pause_was_for_is_given_back_before_more_is_said() {
    let join = || Op::Join { name: 0 };
    let take = |who| Op::Take { who, bytes: 510 };
    // The fifth finds the room paused, until the first reads.
    let paused = [take(2), take(2), Op::Abort { who: 1 }, join(), take(0), join()];
    let ops = [join(), join(), join(), join()].into_iter().chain(paused);
    run(Terms { relay: Relay::Everyone, extensions: true, window: 200 }, ops);
}

/// A room as it is without flags, but for its window.
fn base(window: usize) -> Terms {
    Terms { relay: Relay::Others, extensions: false, window }
}

#[test]
fn every_input_found_by_fuzzing_holds() {
    replay::replay("fuzz/corpus/room", input::check);
}
