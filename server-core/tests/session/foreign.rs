//! Tests of clients that send another protocol.

use protocol::{FrameError, FrameFault};
use server_core::{CloseReason, Foreign};

use crate::stage::{Stage, frames, pairs, settings};

#[test]
fn a_client_of_another_protocol_is_refused_with_advice_on_a_line_of_its_own() {
    for (sent, foreign) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], Foreign::Http),
        (b"hello\n", Foreign::Lines),
        (b"NICK ann\r\n", Foreign::Irc),
    ] {
        let mut stage = Stage::new(settings());
        let reason = stage.feed_until_close(sent);
        assert_eq!(CloseReason::Foreign(foreign), reason);
        let text = format!(
            "this port speaks the Trichord chat protocol, not {foreign}; connect with client-cli, \
             or see protocol/SPEC.md\n"
        );
        let rejection = stage.session.rejection(&reason).map(Vec::from);
        assert_eq!(Some(pairs(&[("server", &text)])), rejection);
        assert!(!reason.to_string().contains('\n'), "one line in the log");
        assert_eq!("bad_frame", reason.label());
    }
}

#[test]
fn another_protocol_is_recognised_only_before_the_name() {
    let mut stage = Stage::new(settings());
    let correct = frames(&["zoë", "hi"]);
    let fault = FrameFault::Byte(b'G');
    let expected = CloseReason::BadFrame(FrameError { at: correct.len() as u64, fault });
    assert_eq!(expected, stage.feed_until_close(&[correct, b"GET / HTTP/1.1\r\n".into()].concat()));
    // A length over the limit stays one, whatever follows it.
    let reason = Stage::new(settings()).feed_until_close(b"9999999999 lives\n");
    let fault = FrameFault::TooLong { length: 9_999_999_999, limit: settings().max_name };
    assert_eq!(CloseReason::BadFrame(FrameError { at: 0, fault }), reason);
}
