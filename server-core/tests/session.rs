//! The session: what a connection's bytes, cut anywhere, make of the room.

use std::time::Duration;

use protocol::{FrameError, FrameFault, NameError};
use server_core::{CloseReason, Foreign, Relay, Settings, Turn, Wake, WriteBatch};

use stage::{Stage, frame, frames, pairs, settings};

#[path = "session/commands.rs"]
mod commands;
#[path = "session/log.rs"]
mod log;
#[path = "session/stage.rs"]
mod stage;

/// The script of SPEC SEG-03: a name and two messages, with characters of more than one byte.
fn script() -> Vec<u8> {
    frames(&["zoë", "hi", "سلام"])
}

/// What others hear of it.
fn heard() -> Vec<u8> {
    pairs(&[("zoë", "hi"), ("zoë", "سلام")])
}

#[test]
fn every_cut_and_every_pair_of_cuts_gives_the_same() {
    let script = script();
    for first in 0..=script.len() {
        for second in first..=script.len() {
            let mut stage = Stage::new(settings());
            for part in [&script[..first], &script[first..second], &script[second..]] {
                assert!(matches!(stage.feed(part), Turn::Read), "cut at {first} and {second}");
            }
            assert_eq!(heard(), stage.heard(), "cut at {first} and {second}");
        }
    }
}

#[test]
fn byte_by_byte_gives_the_same() {
    let mut stage = Stage::new(settings());
    for byte in script() {
        assert!(matches!(stage.feed(&[byte]), Turn::Read));
    }
    assert_eq!(heard(), stage.heard());
}

#[test]
fn an_end_at_any_byte_is_told_for_what_it_is() {
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
        assert_eq!(expected, stage.end(), "cut at {cut}");
        let complete = whole[1..].iter().filter(|&&end| end <= cut).count();
        let expected = pairs(&[("zoë", "hi"), ("zoë", "سلام")][..complete]);
        assert_eq!(expected, stage.heard(), "cut at {cut}");
    }
}

#[test]
fn good_frames_before_a_bad_one_are_said() {
    let mut stage = Stage::new(settings());
    let good = frames(&["zoë", "hi"]);
    let fault = FrameFault::Byte(b'x');
    let expected = CloseReason::BadFrame(FrameError { at: good.len() as u64, fault });
    assert_eq!(expected, stage.feed_to_the_end(&[good, b"x".into()].concat()));
    assert_eq!(pairs(&[("zoë", "hi")]), stage.heard());
}

#[test]
fn the_reason_of_a_refusal_is_the_last_a_member_gets() {
    let mut stage = Stage::new(settings());
    let reason = stage.feed_to_the_end(&[frames(&["zoë"]), b"x".into()].concat());
    stage.witness_says("before");
    let _ = stage.session.drain(&mut stage.room, &reason);
    stage.witness_says("after");
    let told = pairs(&[("wit", "before"), ("server", &reason.to_string())]);
    assert_eq!(told, stage.served());
    assert!(stage.session.is_drained(&stage.room));
    assert_eq!(None, stage.session.rejection(&reason), "members are told by the room");
}

#[test]
fn names_that_are_none_are_refused_and_told_why() {
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
        assert_eq!(expected, stage.feed_to_the_end(&frame(name)));
        let told = pairs(&[("server", &expected.to_string())]);
        assert_eq!(Some(told), stage.session.rejection(&expected).map(Vec::from));
        assert_eq!(None, stage.session.member());
    }
}

#[test]
fn a_client_of_another_protocol_is_refused_with_advice_on_a_line_of_its_own() {
    for (sent, foreign) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], Foreign::Http),
        (b"hello\n", Foreign::Lines),
        (b"NICK ann\r\n", Foreign::Irc),
    ] {
        let mut stage = Stage::new(settings());
        let reason = stage.feed_to_the_end(sent);
        assert_eq!(CloseReason::Foreign(foreign), reason);
        let text = format!(
            "this port speaks the Trichord chat protocol, not {foreign}; connect with client-cli, \
             or see protocol/SPEC.md\n"
        );
        let rejection = stage.session.rejection(&reason).map(Vec::from);
        assert_eq!(Some(pairs(&[("server", &text)])), rejection);
        assert!(!reason.to_string().contains('\n'), "the log has it on one line");
        assert_eq!("bad_frame", reason.label());
    }
}

#[test]
fn another_protocol_is_recognised_only_before_the_name() {
    let mut stage = Stage::new(settings());
    let good = frames(&["zoë", "hi"]);
    let fault = FrameFault::Byte(b'G');
    let expected = CloseReason::BadFrame(FrameError { at: good.len() as u64, fault });
    assert_eq!(expected, stage.feed_to_the_end(&[good, b"GET / HTTP/1.1\r\n".into()].concat()));
    // A length over the limit stays one, whatever follows it.
    let reason = Stage::new(settings()).feed_to_the_end(b"9999999999 lives\n");
    let fault = FrameFault::TooLong { length: 9_999_999_999, limit: settings().max_name };
    assert_eq!(CloseReason::BadFrame(FrameError { at: 0, fault }), reason);
}

#[test]
fn a_taken_name_is_numbered_and_its_owner_told_first() {
    let mut stage = Stage::new(settings());
    assert!(matches!(stage.feed(&frames(&["wit", "hi"])), Turn::Read));
    stage.witness_says("hello");
    let notice = "the name wit is taken: you are wit-2";
    assert_eq!(pairs(&[("server", notice), ("wit", "hello")]), stage.served());
    assert_eq!(pairs(&[("wit-2", "hi")]), stage.heard());
}

#[test]
fn a_name_has_its_own_limit() {
    let settings = Settings { max_name: 4, max_message: 6, ..settings() };
    let mut stage = Stage::new(settings.clone());
    assert!(matches!(stage.feed(&frames(&["four", "sixsix"])), Turn::Read));
    assert_eq!(pairs(&[("four", "sixsix")]), stage.heard());

    let fault = FrameFault::TooLong { length: 7, limit: 6 };
    let expected = CloseReason::BadFrame(FrameError { at: 30, fault });
    assert_eq!(expected, stage.feed_to_the_end(b"7         "), "on the header alone");

    let fault = FrameFault::TooLong { length: 5, limit: 4 };
    let expected = CloseReason::BadFrame(FrameError { at: 0, fault });
    assert_eq!(expected, Stage::new(settings).feed_to_the_end(b"5         "));
}

#[test]
fn bad_text_is_repaired_and_cut_to_the_limit() {
    let mut stage = Stage::new(Settings { max_message: 6, ..settings() });
    let said = [frame(b"zoe"), frame(b"a\xffb"), frame(b"\xff\xff\xff")].concat();
    assert!(matches!(stage.feed(&said), Turn::Read));
    let repaired = pairs(&[("zoe", "a\u{FFFD}b"), ("zoe", "\u{FFFD}\u{FFFD}")]);
    assert_eq!(repaired, stage.heard());
}

#[test]
fn what_a_paused_room_does_not_take_is_said_later_in_order() {
    let mut stage = Stage::new(Settings { window: 2_000, ..settings() });
    let numbers: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let said: Vec<&str> = ["zoë"].into_iter().chain(numbers.iter().map(String::as_str)).collect();
    let mut turn = stage.feed(&frames(&said));
    let mut heard = Vec::new();
    let mut waits = 0;
    while matches!(turn, Turn::Wait) {
        assert_eq!(None, stage.session.deadline(), "the wait is the room's, not the client's");
        assert!(matches!(stage.feed(b""), Turn::Wait), "nobody has read anything");
        heard.extend(stage.heard());
        turn = stage.feed(b"");
        waits += 1;
    }
    heard.extend(stage.heard());
    let expected: Vec<(&str, &str)> = said[1..].iter().map(|said| ("zoë", *said)).collect();
    assert_eq!(pairs(&expected), heard);
    assert!(waits > 1, "the room paused {waits} times");
}

#[test]
fn last_words_wait_for_a_paused_room_too() {
    let mut stage = Stage::new(Settings { window: 2_000, ..settings() });
    let said = ["zoë"].into_iter().chain(["so long"; 50]).collect::<Vec<_>>();
    stage.session.feed(&frames(&said));
    stage.session.feed_eof();
    let mut heard = Vec::new();
    while matches!(stage.feed(b""), Turn::Wait) {
        heard.extend(stage.heard());
    }
    heard.extend(stage.heard());
    assert_eq!(pairs(&[("zoë", "so long"); 50]), heard);
}

#[test]
fn answers_that_wait_stop_a_speaker_who_hears_only_itself() {
    let settings = Settings { relay: Relay::Sender, direct_bytes: 60, ..settings() };
    let mut stage = Stage::new(settings);
    let mut turn = stage.feed(&frames(&["zoë", "one", "two", "three"]));
    let mut served = Vec::new();
    while matches!(turn, Turn::Wait) {
        served.extend(stage.served());
        turn = stage.feed(b"");
    }
    served.extend(stage.served());
    assert_eq!(pairs(&[("zoë", "one"), ("zoë", "two"), ("zoë", "three")]), served);
    assert_eq!(Vec::<u8>::new(), stage.heard());
}

#[test]
fn a_name_must_come_in_time() {
    let mut stage = Stage::new(settings());
    let end = stage.start + NAME_TIMEOUT;
    assert!(matches!(stage.feed(b"3    "), Turn::Read));
    assert_eq!((Some(end), None), (stage.session.deadline(), stage.session.expired(stage.start)));
    assert_eq!(Some(CloseReason::NameTimeout), stage.session.expired(end));
}

#[test]
fn only_a_frame_that_has_begun_must_be_completed_in_time() {
    let mut stage = Stage::new(settings());
    assert!(matches!(stage.feed(&frames(&["zoë"])), Turn::Read));
    assert_eq!(None, stage.session.deadline(), "who says nothing may do so for ever");

    stage.now += Duration::from_secs(100);
    let end = stage.now + FRAME_TIMEOUT;
    assert!(matches!(stage.feed(b"2"), Turn::Read));
    assert_eq!(Some(end), stage.session.deadline());

    stage.now += Duration::from_secs(1);
    assert!(matches!(stage.feed(b"         h"), Turn::Read));
    assert_eq!(Some(end), stage.session.deadline(), "a trickle gains nothing");
    assert_eq!(Some(CloseReason::FrameTimeout), stage.session.expired(end));

    assert!(matches!(stage.feed(b"i3"), Turn::Read));
    let next = stage.now + FRAME_TIMEOUT;
    assert_eq!(Some(next), stage.session.deadline(), "the next one has its own time");
    assert!(matches!(stage.feed(b"         bye"), Turn::Read));
    assert_eq!(None, stage.session.deadline());
}

#[test]
fn who_was_aborted_learns_it_whatever_it_does_next() {
    let mut stage = Stage::new(settings());
    assert!(matches!(stage.feed(&frames(&["zoë"])), Turn::Read));
    let member = stage.session.member().unwrap();
    let _ = stage.room.abort(member, &CloseReason::TooSlow);
    assert_eq!(CloseReason::TooSlow, stage.feed_to_the_end(&frames(&["hi"])));
    assert!(stage.session.is_drained(&stage.room));

    let mut reason = stage.end();
    assert_eq!(CloseReason::Left, reason);
    let _ = stage.session.leave(&mut stage.room, &mut reason);
    assert_eq!(CloseReason::TooSlow, reason, "the room's reason goes before");
    assert_eq!(Some(&1), stage.room.counters().closed.get("too_slow"));
}

const NAME_TIMEOUT: Duration = Duration::from_secs(10);
const FRAME_TIMEOUT: Duration = Duration::from_secs(30);

#[test]
fn answers_that_nobody_reads_are_waited_for_no_longer_than_the_patience() {
    let settings = Settings { relay: Relay::Sender, direct_bytes: 100, ..settings() };
    let patience = settings.patience;
    let mut stage = Stage::new(settings);
    assert!(matches!(stage.feed(&frames(&["zoë", "1"])), Turn::Read));
    stage.session.feed(&frame(&[b'x'; 100]));
    stage.session.feed_eof();
    // Its end cannot be acted on while an answer before it has no place.
    assert!(matches!(stage.feed(b""), Turn::Wait));
    let deadline = stage.session.deadline().expect("it is not waited for for ever");
    assert_eq!(stage.start + patience, deadline);
    assert_eq!(None, stage.session.expired(stage.start));
    assert_eq!(Some(CloseReason::TooSlow), stage.session.expired(deadline));
    // Reading some of it begins the time anew.
    stage.now += patience / 2;
    let member = stage.session.member().expect("it has joined");
    let mut offer = WriteBatch::default();
    assert!(stage.room.next_batch(member, &mut offer, stage.now).is_some());
    assert_eq!(Wake::Waiters, stage.room.advance(member, &offer, Ok(4)));
    assert!(matches!(stage.feed(b""), Turn::Wait));
    assert_eq!(Some(stage.now + patience), stage.session.deadline());
    // Had it read all, all would have been well.
    assert_eq!(pairs(&[("zoë", "1")])[4..], stage.served());
    assert_eq!(CloseReason::Left, stage.feed_to_the_end(b""));
}
