//! Tests of the session: what the bytes of a connection, cut anywhere, do in the room.

use std::time::Duration;

use protocol::{FrameError, FrameFault, NameError};
use server_core::{CloseReason, Next, Relay, Settings, Wake, WriteBatch};

use stage::{Stage, frame, frames, pairs, settings};

#[path = "session/commands.rs"]
mod commands;
#[path = "session/foreign.rs"]
mod foreign;
#[path = "session/log.rs"]
mod log;
#[path = "session/stage.rs"]
mod stage;

/// The script of SPEC SEG-03: a name and two messages, with characters of more than one byte.
fn script() -> Vec<u8> {
    frames(&["zoë", "hi", "سلام"])
}

/// What the other members receive.
fn relayed() -> Vec<u8> {
    pairs(&[("zoë", "hi"), ("zoë", "سلام")])
}

#[test]
fn every_cut_and_every_pair_of_cuts_gives_the_same_pairs() {
    let script = script();
    for first in 0..=script.len() {
        for second in first..=script.len() {
            let mut stage = Stage::new(settings());
            for part in [&script[..first], &script[first..second], &script[second..]] {
                assert!(matches!(stage.feed(part), Next::Read), "cut at {first} and {second}");
            }
            assert_eq!(relayed(), stage.witness_received(), "cut at {first} and {second}");
        }
    }
}

#[test]
fn single_bytes_give_the_same_pairs() {
    let mut stage = Stage::new(settings());
    for byte in script() {
        assert!(matches!(stage.feed(&[byte]), Next::Read));
    }
    assert_eq!(relayed(), stage.witness_received());
}

#[test]
fn an_eof_after_any_byte_has_its_reason() {
    let script = script();
    let whole = [frames(&["zoë"]).len(), frames(&["zoë", "hi"]).len(), script.len()];
    for cut in 0..=script.len() {
        let mut stage = Stage::new(settings());
        stage.session.feed(&script[..cut]);
        let expected = match cut {
            cut if cut < whole[0] => CloseReason::LeftUnnamed,
            cut if whole.contains(&cut) => CloseReason::Left,
            _ => CloseReason::LeftMidFrame,
        };
        assert_eq!(expected, stage.feed_eof(), "cut at {cut}");
        let complete = whole[1..].iter().filter(|&&end| end <= cut).count();
        let expected = pairs(&[("zoë", "hi"), ("zoë", "سلام")][..complete]);
        assert_eq!(expected, stage.witness_received(), "cut at {cut}");
    }
}

#[test]
fn correct_frames_before_a_malformed_one_are_relayed() {
    let mut stage = Stage::new(settings());
    let correct = frames(&["zoë", "hi"]);
    let fault = FrameFault::Byte(b'x');
    let expected = CloseReason::BadFrame(FrameError { at: correct.len() as u64, fault });
    assert_eq!(expected, stage.feed_until_close(&[correct, b"x".into()].concat()));
    assert_eq!(pairs(&[("zoë", "hi")]), stage.witness_received());
}

#[test]
fn the_reason_of_a_refusal_is_the_last_pair_of_a_member() {
    let mut stage = Stage::new(settings());
    let reason = stage.feed_until_close(&[frames(&["zoë"]), b"x".into()].concat());
    stage.witness_sends("before");
    let _ = stage.session.drain(&mut stage.room, &reason);
    stage.witness_sends("after");
    let expected = pairs(&[("wit", "before"), ("server", &reason.to_string())]);
    assert_eq!(expected, stage.received());
    assert!(stage.session.is_drained(&stage.room));
    assert_eq!(None, stage.session.rejection(&reason), "members receive the reason from the room");
}

#[test]
fn invalid_names_are_refused_with_the_reason() {
    let control = NameError::Control { at: 1, control: '\n' };
    let refused: [(&[u8], CloseReason); 5] = [
        (b"", NameError::Blank.into()),
        (b"  ", NameError::Blank.into()),
        (b"a\nb", control.into()),
        (b"a\xff", NameError::NotUtf8 { at: 1 }.into()),
        ("Ѕerver".as_bytes() /* Cyrillic Ѕ */, CloseReason::ReservedName),
    ];
    for (name, expected) in refused {
        let mut stage = Stage::new(settings());
        assert_eq!(expected, stage.feed_until_close(&frame(name)));
        let refusal = pairs(&[("server", &expected.to_string())]);
        assert_eq!(Some(refusal), stage.session.rejection(&expected).map(Vec::from));
        assert_eq!(None, stage.session.member());
    }
}

#[test]
fn a_taken_name_gets_a_number_and_the_notice_comes_first() {
    let mut stage = Stage::new(settings());
    assert!(matches!(stage.feed(&frames(&["wit", "hi"])), Next::Read));
    stage.witness_sends("hello");
    let notice = "the name wit is taken: you are wit-2";
    assert_eq!(pairs(&[("server", notice), ("wit", "hello")]), stage.received());
    assert_eq!(pairs(&[("wit-2", "hi")]), stage.witness_received());
}

#[test]
fn a_name_has_its_own_limit() {
    let settings = Settings { max_name: 4, max_message: 6, ..settings() };
    let mut stage = Stage::new(settings.clone());
    assert!(matches!(stage.feed(&frames(&["four", "sixsix"])), Next::Read));
    assert_eq!(pairs(&[("four", "sixsix")]), stage.witness_received());

    let fault = FrameFault::TooLong { length: 7, limit: 6 };
    let expected = CloseReason::BadFrame(FrameError { at: 30, fault });
    assert_eq!(expected, stage.feed_until_close(b"7         "), "on the header alone");

    let fault = FrameFault::TooLong { length: 5, limit: 4 };
    let expected = CloseReason::BadFrame(FrameError { at: 0, fault });
    assert_eq!(expected, Stage::new(settings).feed_until_close(b"5         "));
}

#[test]
fn invalid_text_is_repaired_and_cut_to_the_limit() {
    let mut stage = Stage::new(Settings { max_message: 6, ..settings() });
    let sent = [frame(b"zoe"), frame(b"a\xffb"), frame(b"\xff\xff\xff")].concat();
    assert!(matches!(stage.feed(&sent), Next::Read));
    let repaired = pairs(&[("zoe", "a\u{FFFD}b"), ("zoe", "\u{FFFD}\u{FFFD}")]);
    assert_eq!(repaired, stage.witness_received());
}

#[test]
fn messages_that_a_paused_room_does_not_accept_are_relayed_later_in_order() {
    let mut stage = Stage::new(Settings { window: 2_000, ..settings() });
    let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let sent: Vec<&str> = ["zoë"].into_iter().chain(numbers.iter().map(String::as_str)).collect();
    let mut turn = stage.feed(&frames(&sent));
    let mut relayed = Vec::new();
    let mut waits = 0;
    while matches!(turn, Next::Wait) {
        assert_eq!(
            None,
            stage.session.deadline(),
            "the client has no deadline while the room is paused"
        );
        assert!(matches!(stage.feed(b""), Next::Wait), "no member has read anything");
        relayed.extend(stage.witness_received());
        turn = stage.feed(b"");
        waits += 1;
    }
    relayed.extend(stage.witness_received());
    let expected: Vec<(&str, &str)> = sent[1..].iter().map(|sent| ("zoë", *sent)).collect();
    assert_eq!(pairs(&expected), relayed);
    assert!(waits > 1, "the room paused {waits} times");
}

#[test]
fn messages_before_an_eof_wait_for_a_paused_room_too() {
    let mut stage = Stage::new(Settings { window: 2_000, ..settings() });
    let sent = ["zoë"].into_iter().chain(["so long"; 50]).collect::<Vec<_>>();
    stage.session.feed(&frames(&sent));
    stage.session.feed_eof();
    let mut relayed = Vec::new();
    while matches!(stage.feed(b""), Next::Wait) {
        relayed.extend(stage.witness_received());
    }
    relayed.extend(stage.witness_received());
    assert_eq!(pairs(&[("zoë", "so long"); 50]), relayed);
}

#[test]
fn unread_answers_stop_a_sender_that_receives_only_its_own_messages() {
    let settings = Settings { relay: Relay::Sender, direct_bytes: 60, ..settings() };
    let mut stage = Stage::new(settings);
    let mut turn = stage.feed(&frames(&["zoë", "one", "two", "three"]));
    let mut received = Vec::new();
    while matches!(turn, Next::Wait) {
        received.extend(stage.received());
        turn = stage.feed(b"");
    }
    received.extend(stage.received());
    assert_eq!(pairs(&[("zoë", "one"), ("zoë", "two"), ("zoë", "three")]), received);
    assert_eq!(Vec::<u8>::new(), stage.witness_received());
}

#[test]
fn a_name_must_arrive_in_time() {
    let mut stage = Stage::new(settings());
    let end = stage.start + NAME_TIMEOUT;
    assert!(matches!(stage.feed(b"3    "), Next::Read));
    assert_eq!((Some(end), None), (stage.session.deadline(), stage.session.expired(stage.start)));
    assert_eq!(Some(CloseReason::NameTimeout), stage.session.expired(end));
}

#[test]
fn only_a_begun_frame_has_a_deadline() {
    let mut stage = Stage::new(settings());
    assert!(matches!(stage.feed(&frames(&["zoë"])), Next::Read));
    assert_eq!(None, stage.session.deadline(), "a silent client has no deadline");

    stage.now += Duration::from_secs(100);
    let end = stage.now + FRAME_TIMEOUT;
    assert!(matches!(stage.feed(b"2"), Next::Read));
    assert_eq!(Some(end), stage.session.deadline());

    stage.now += Duration::from_secs(1);
    assert!(matches!(stage.feed(b"         h"), Next::Read));
    assert_eq!(Some(end), stage.session.deadline(), "more bytes do not extend the deadline");
    assert_eq!(Some(CloseReason::FrameTimeout), stage.session.expired(end));

    assert!(matches!(stage.feed(b"i3"), Next::Read));
    let next = stage.now + FRAME_TIMEOUT;
    assert_eq!(Some(next), stage.session.deadline(), "the next frame has its own deadline");
    assert!(matches!(stage.feed(b"         bye"), Next::Read));
    assert_eq!(None, stage.session.deadline());
}

#[test]
fn an_aborted_member_gets_the_reason_of_the_room_whatever_it_does_next() {
    let mut stage = Stage::new(settings());
    assert!(matches!(stage.feed(&frames(&["zoë"])), Next::Read));
    let member = stage.session.member().unwrap();
    let _ = stage.room.abort(member, &CloseReason::TooSlow);
    assert_eq!(CloseReason::TooSlow, stage.feed_until_close(&frames(&["hi"])));
    assert!(stage.session.is_drained(&stage.room));

    let mut reason = stage.feed_eof();
    assert_eq!(CloseReason::Left, reason);
    let _ = stage.session.leave(&mut stage.room, &mut reason);
    assert_eq!(CloseReason::TooSlow, reason, "the room's reason replaces it");
    assert_eq!(Some(&1), stage.room.counters().closed.get("too_slow"));
}

const NAME_TIMEOUT: Duration = Duration::from_secs(10);
const FRAME_TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn unread_answers_have_the_patience_of_the_room() {
    let settings = Settings { relay: Relay::Sender, direct_bytes: 100, ..settings() };
    let patience = settings.patience;
    let mut stage = Stage::new(settings);
    assert!(matches!(stage.feed(&frames(&["zoë", "1"])), Next::Read));
    stage.session.feed(&frame(&[b'x'; 100]));
    stage.session.feed_eof();
    // Its EOF is not processed while an answer before it has no space.
    assert!(matches!(stage.feed(b""), Next::Wait));
    let deadline = stage.session.deadline().expect("the wait has a deadline");
    assert_eq!(stage.start + patience, deadline);
    assert_eq!(None, stage.session.expired(stage.start));
    assert_eq!(Some(CloseReason::TooSlow), stage.session.expired(deadline));
    // Reading some of it starts the time again.
    stage.now += patience / 2;
    let member = stage.session.member().expect("it has joined");
    let mut batch = WriteBatch::default();
    assert!(stage.room.next_batch(member, &mut batch, stage.now).is_some());
    assert_eq!(Wake::Waiters, stage.room.advance(member, &batch, Ok(4)));
    assert!(matches!(stage.feed(b""), Next::Wait));
    assert_eq!(Some(stage.now + patience), stage.session.deadline());
    // After it has read everything, the EOF is processed.
    assert_eq!(pairs(&[("zoë", "1")])[4..], stage.received());
    assert_eq!(CloseReason::Left, stage.feed_until_close(b""));
}
