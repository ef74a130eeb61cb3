//! Sessions with extensions: what a text that begins with `/` means, and when it is carried out.

use std::time::Duration;

use server_core::{CloseReason, Relay, Settings, Turn};

use crate::stage::{Stage, frames, pairs, settings};

fn extended() -> Settings {
    Settings { extensions: true, ..settings() }
}

/// A session that has joined as `zoë`, was greeted, and whose joining the witness has heard of.
fn joined(settings: Settings) -> Stage {
    let mut stage = Stage::new(settings);
    stage.heard();
    assert!(matches!(stage.feed(&frames(&["zoë"])), Turn::Read));
    let greeting = "welcome, zoë: 1 other is here; /help lists the commands";
    assert_eq!(pairs(&[("server", greeting)]), stage.served());
    assert_eq!(pairs(&[("server", "zoë has joined")]), stage.heard());
    stage
}

/// What is heard by the witness of a text, and answered to its sender.
fn outcome(text: &str) -> (Vec<u8>, Vec<u8>) {
    let mut stage = joined(extended());
    assert!(matches!(stage.feed(&frames(&[text])), Turn::Read), "{text:?}");
    (stage.heard(), stage.served())
}

#[test]
fn only_the_first_word_decides() {
    for (text, said) in [
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
        assert_eq!((pairs(&[("zoë", said)]), Vec::new()), outcome(text), "{text:?}");
    }
}

#[test]
fn answers_are_the_senders_alone() {
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
fn private_texts_reach_one_alone_and_are_not_answered() {
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
fn a_new_name_is_looked_at_like_the_first() {
    let settings = Settings { max_name: 6, ..extended() };
    for (wanted, answer) in [
        ("zoé", "you are now zoé"),
        ("ZOË", "you are now ZOË"),
        ("Wit", "you are now Wit-2"),
        ("sevenby", "a name has at most 6 bytes, and this one 7"),
    ] {
        let mut stage = joined(settings.clone());
        assert!(matches!(stage.feed(&frames(&[&format!("/nick {wanted}")])), Turn::Read));
        assert_eq!(pairs(&[("server", answer)]), stage.served(), "{wanted:?}");
    }
}

#[test]
fn who_has_a_number_already_is_not_told_as_new() {
    let mut stage = Stage::new(extended());
    stage.heard();
    assert!(matches!(stage.feed(&frames(&["wit"])), Turn::Read));
    stage.served();
    assert_eq!(pairs(&[("server", "wit-2 has joined")]), stage.heard());
    for name in ["eve", "wit"] {
        stage.witness_is_renamed(name);
        stage.heard();
    }
    stage.served();
    // Whoever has the name without a number has it anew, so the numbers begin anew.
    assert!(matches!(stage.feed(&frames(&["/nick wit"])), Turn::Read));
    assert_eq!(pairs(&[("server", "you are wit-2 already")]), stage.served());
    assert_eq!(Vec::<u8>::new(), stage.heard());
}

#[test]
fn what_comes_behind_a_command_waits_until_its_answer_is_read() {
    let mut stage = joined(extended());
    assert!(matches!(stage.feed(&frames(&["/nick eve", "hello", "/who", "bye"])), Turn::Wait));
    stage.witness_says("before you read");
    assert_eq!(pairs(&[("server", "zoë is now eve")]), stage.heard());
    assert_eq!(Some(stage.start + settings().patience), stage.session.deadline());

    let told = pairs(&[("server", "you are now eve"), ("wit", "before you read")]);
    assert_eq!(told, stage.served());
    assert!(matches!(stage.feed(b""), Turn::Wait), "the next command has an answer, too");
    assert_eq!(pairs(&[("eve", "hello")]), stage.heard());
    assert_eq!(pairs(&[("server", "2 members: wit, eve")]), stage.served());
    assert!(matches!(stage.feed(b""), Turn::Read));
    assert_eq!(pairs(&[("eve", "bye")]), stage.heard());
    assert_eq!(None, stage.session.deadline());
}

#[test]
fn others_private_words_keep_nobody_from_speaking() {
    let mut stage = joined(extended());
    stage.witness_says("/msg zoë psst");
    assert!(matches!(stage.feed(&frames(&["hello"])), Turn::Read));
    assert_eq!(pairs(&[("zoë", "hello")]), stage.heard());
    assert_eq!(pairs(&[("wit", "(private) psst")]), stage.served());
}

#[test]
fn too_much_unread_is_told_to_whom_it_matters() {
    let mut stage = joined(Settings { direct_bytes: 100, ..extended() });
    // 20 bytes of headers, 4 of the name, 10 of the mark.
    let text = "x".repeat(30);
    for _ in 0..2 {
        assert!(matches!(stage.feed(&frames(&[&format!("/msg wit {text}")])), Turn::Read));
    }
    let private = format!("(private) {text}");
    assert_eq!(pairs(&[("server", "wit has too much unread: not delivered")]), stage.served());
    assert_eq!(pairs(&[("zoë", &private)]), stage.heard(), "the first was delivered");
}

#[test]
fn a_newcomer_waits_for_a_paused_room_and_loses_no_time() {
    let mut stage = Stage::new(Settings { window: 2_000, relay: Relay::Everyone, ..extended() });
    stage.witness_fills_the_window();
    assert!(matches!(stage.feed(&frames(&["zoë", "hi"])), Turn::Wait));
    assert_eq!((None, None), (stage.session.member(), stage.session.deadline()));
    stage.now += Duration::from_hours(1);
    assert_eq!(None, stage.session.expired(stage.now), "it has said who it is");
    stage.heard();
    assert!(matches!(stage.feed(b""), Turn::Read));
    assert_eq!(pairs(&[("server", "zoë has joined"), ("zoë", "hi")]), stage.heard());
}
