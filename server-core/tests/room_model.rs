//! The room under random use, against the obvious slow model: a queue of bytes per member.

use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use server_core::{Relay, Settings};

use trial::Trial;

#[path = "room_model/slow.rs"]
mod slow;
#[path = "room_model/trial.rs"]
mod trial;

/// One thing that happens to a room. `who` counts round the members who are there.
///
/// With `Pull` the server looks at what is next for a member and is kept from sending it for a while;
/// with `Take` a socket takes so many bytes, at most, of what it is offered. With `Serve` it asks who has
/// something for itself alone. The commands are messages to a room in base mode.
#[derive(Clone, Debug)]
enum Op {
    Join { name: usize },
    Say { who: usize, length: usize },
    Tell { who: usize, length: usize },
    Nick { who: usize, name: usize },
    Msg { who: usize, to: usize, length: usize },
    Ask { who: usize },
    Serve,
    Pull { who: usize },
    Take { who: usize, bytes: usize },
    Finish { who: usize },
    Refuse { who: usize },
    Abort { who: usize },
    Leave { who: usize },
    Wait { millis: u64 },
    Shut,
}

fn op() -> impl Strategy<Value = Op> {
    let (who, length, bytes) = (0..6_usize, 0..120_usize, 0..400_usize);
    prop_oneof![
        6 => (0..4_usize).prop_map(|name| Op::Join { name }),
        30 => (who.clone(), length.clone()).prop_map(|(who, length)| Op::Say { who, length }),
        4 => (who.clone(), length.clone()).prop_map(|(who, length)| Op::Tell { who, length }),
        4 => (who.clone(), 0..4_usize).prop_map(|(who, name)| Op::Nick { who, name }),
        6 => (who.clone(), who.clone(), length)
            .prop_map(|(who, to, length)| Op::Msg { who, to, length }),
        2 => who.clone().prop_map(|who| Op::Ask { who }),
        8 => Just(Op::Serve),
        8 => who.clone().prop_map(|who| Op::Pull { who }),
        30 => (who.clone(), bytes).prop_map(|(who, bytes)| Op::Take { who, bytes }),
        2 => who.clone().prop_map(|who| Op::Finish { who }),
        1 => who.clone().prop_map(|who| Op::Refuse { who }),
        1 => who.clone().prop_map(|who| Op::Abort { who }),
        2 => who.prop_map(|who| Op::Leave { who }),
        6 => (0..60_u64).prop_map(|millis| Op::Wait { millis }),
        // Rare, because little happens after it.
        1 => prop_oneof![15 => Just(Op::Wait { millis: 0 }), 1 => Just(Op::Shut)],
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
        window in 200..4_000_usize,
        ops in vec(op(), 0..300),
    ) {
        let patience = Duration::from_millis(100);
        // One message may be as large as four of them fit the window.
        let max_message = window / 4 - protocol::pair_len(b"ann-10", b"");
        let flags = Settings { relay, extensions, window, patience, max_message, ..Settings::default() };
        let mut trial = Trial::new(flags, Instant::now());
        for op in &ops {
            trial.step(op);
        }
        trial.drain();
        trial.leave_all();
    }
}
