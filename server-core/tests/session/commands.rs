//! Tests of sessions with extensions: what a text that begins with `/` means, and when the command is executed.

use std::time::Duration;

use server_core::{CloseReason, Next, Relay, Settings};

use crate::stage::{Stage, frames, pairs, settings};

fn extended() -> Settings {
    Settings { extensions: true, ..settings() }
}

/// A session that has joined as `zoë` and was greeted. The witness has received the notice.
fn joined(settings: Settings) -> Stage {
    let mut stage = Stage::new(settings);
    stage.witness_received();
    assert!(matches!(stage.feed(&frames(&["zoë"])), Next::Read));
    let greeting = "welcome, zoë: 1 other is here; /help lists the commands";
    assert_eq!(pairs(&[("server", greeting)]), stage.received());
    assert_eq!(pairs(&[("server", "zoë has joined")]), stage.witness_received());
    stage
}

/// What the witness receives after a text, and what its sender receives.
fn outcome(text: &str) -> (Vec<u8>, Vec<u8>) {
    let mut stage = joined(extended());
    assert!(matches!(stage.feed(&frames(&[text])), Next::Read), "{text:?}");
    (stage.witness_received(), stage.received())
}

#[test]
fn only_the_first_word_makes_a_command() {
    for (text, relayed) in [
        ("/whoami", "/whoami"),
        ("/who\t", "/who\t"),
        ("/Who", "/Who"),
        ("/", "/"),
        (" /who", " /who"),
        ("//who", "/who"),
        ("//", "/"),
        ("// /who", "/ /who"),
        ("///", "//"),
        ("/msgs wit hi", "/msgs wit hi"),
        ("/who\u{A0}", "/who\u{A0}"),
    ] {
        assert_eq!((pairs(&[("zoë", relayed)]), Vec::new()), outcome(text), "{text:?}");
    }
}

#[test]
fn only_the_sender_receives_the_answer() {
    for (text, answer) in [
        ("/who", "2 members: wit, zoë"),
        ("/who  ", "2 members: wit, zoë"),
        ("/who is here", "2 members: wit, zoë"),
        ("/nick", "usage: /nick NAME"),
        ("/nick  ", "usage: /nick NAME"),
        ("/nick zoë", "you are zoë already"),
        ("/nick  zoë ", "you are zoë already"),
        ("/nick sErver", &CloseReason::ReservedName.to_string()),
        ("/nick \u{200b}", "a name is at least one visible character"),
        ("/msg", "usage: /msg NAME TEXT"),
        ("/msg wit", "usage: /msg NAME TEXT"),
        ("/msg wit  ", "usage: /msg NAME TEXT"),
        ("/msg bob hi", "nobody here is called bob"),
        ("/msg witt hi", "nobody here is called witt"),
    ] {
        assert_eq!((Vec::new(), pairs(&[("server", answer)])), outcome(text), "{text:?}");
    }
}

#[test]
fn a_private_message_reaches_one_member_and_is_not_answered() {
    for (text, private) in [
        ("/msg wit hi", "(private) hi"),
        ("/msg   wit hi", "(private) hi"),
        ("/msg wit  hi ", "(private) hi "),
        ("/msg WIT /who", "(private) /who"),
        ("/msg wit //", "(private) //"),
    ] {
        assert_eq!((pairs(&[("zoë", private)]), Vec::new()), outcome(text), "{text:?}");
    }
    assert_eq!((Vec::new(), pairs(&[("zoë", "(private) me")])), outcome("/msg Zoë me"));
}

#[test]
fn a_new_name_follows_the_rules_of_the_first() {
    let settings = Settings { max_name: 6, ..extended() };
    for (wanted, answer) in [
        ("zoé", "you are now zoé"),
        ("ZOË", "you are now ZOË"),
        ("Wit", "you are now Wit-2"),
        ("sevenby", "a name has at most 6 bytes, and this one 7"),
    ] {
        let mut stage = joined(settings.clone());
        assert!(matches!(stage.feed(&frames(&[&format!("/nick {wanted}")])), Next::Read));
        assert_eq!(pairs(&[("server", answer)]), stage.received(), "{wanted:?}");
    }
}

#[test]
fn a_member_that_keeps_its_number_is_not_announced_again() {
    let mut stage = Stage::new(extended());
    stage.witness_received();
    assert!(matches!(stage.feed(&frames(&["wit"])), Next::Read));
    stage.received();
    assert_eq!(pairs(&[("server", "wit-2 has joined")]), stage.witness_received());
    for name in ["eve", "wit"] {
        stage.witness_is_renamed(name);
        stage.witness_received();
    }
    stage.received();
    // The name without a number was freed and taken again, so the numbers start again.
    assert!(matches!(stage.feed(&frames(&["/nick wit"])), Next::Read));
    assert_eq!(pairs(&[("server", "you are wit-2 already")]), stage.received());
    assert_eq!(Vec::<u8>::new(), stage.witness_received());
}

#[test]
fn input_after_a_command_waits_until_the_answer_is_read() {
    let mut stage = joined(extended());
    assert!(matches!(stage.feed(&frames(&["/nick eve", "hello", "/who", "bye"])), Next::Wait));
    stage.witness_sends("before you read");
    assert_eq!(pairs(&[("server", "zoë is now eve")]), stage.witness_received());
    assert_eq!(Some(stage.start + settings().patience), stage.session.deadline());

    let expected = pairs(&[("server", "you are now eve"), ("wit", "before you read")]);
    assert_eq!(expected, stage.received());
    assert!(matches!(stage.feed(b""), Next::Wait), "the next command has an answer, too");
    assert_eq!(pairs(&[("eve", "hello")]), stage.witness_received());
    assert_eq!(pairs(&[("server", "2 members: wit, eve")]), stage.received());
    assert!(matches!(stage.feed(b""), Next::Read));
    assert_eq!(pairs(&[("eve", "bye")]), stage.witness_received());
    assert_eq!(None, stage.session.deadline());
}

#[test]
fn private_messages_from_others_do_not_stop_a_sender() {
    let mut stage = joined(extended());
    stage.witness_sends("/msg zoë psst");
    assert!(matches!(stage.feed(&frames(&["hello"])), Next::Read));
    assert_eq!(pairs(&[("zoë", "hello")]), stage.witness_received());
    assert_eq!(pairs(&[("wit", "(private) psst")]), stage.received());
}

#[test]
fn the_sender_is_notified_of_a_private_message_that_is_not_delivered() {
    let mut stage = joined(Settings { direct_bytes: 100, ..extended() });
    // 20 bytes of headers, 4 of the name, 10 of the mark.
    let text = "x".repeat(30);
    for _ in 0..2 {
        assert!(matches!(stage.feed(&frames(&[&format!("/msg wit {text}")])), Next::Read));
    }
    let private = format!("(private) {text}");
    assert_eq!(pairs(&[("server", "wit has too much unread: not delivered")]), stage.received());
    assert_eq!(pairs(&[("zoë", &private)]), stage.witness_received(), "the first was delivered");
}

#[test]
fn a_newcomer_waits_for_a_paused_room_without_a_deadline() {
    let mut stage = Stage::new(Settings { window: 2_000, relay: Relay::Everyone, ..extended() });
    stage.witness_fills_the_window();
    assert!(matches!(stage.feed(&frames(&["zoë", "hi"])), Next::Wait));
    assert_eq!((None, None), (stage.session.member(), stage.session.deadline()));
    stage.now += Duration::from_hours(1);
    assert_eq!(None, stage.session.expired(stage.now), "it has sent its name");
    stage.witness_received();
    assert!(matches!(stage.feed(b""), Next::Read));
    assert_eq!(pairs(&[("server", "zoë has joined"), ("zoë", "hi")]), stage.witness_received());
}
