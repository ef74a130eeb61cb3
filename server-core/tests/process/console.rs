//! What is typed at a server.

use std::thread;

use super::client::Client;
use super::server::Server;
use super::{FENCED, pair};

#[test]
fn what_is_typed_goes_to_all_in_one_order() {
    let mut server = Server::start_typing(&FENCED);
    let mut ann = Client::join(&server.address, "ann");
    let mut bob = Client::join(&server.address, "bob");
    assert_eq!(pair("bob", "here"), ann.hear());
    server.types(b"dinner is\n\nready \xff\n");
    for client in [&mut ann, &mut bob] {
        assert_eq!(pair("server", "dinner is"), client.hear());
        assert_eq!(pair("server", "ready \u{FFFD}"), client.hear());
    }
    // More lines than any queue on the way holds, so whoever types has to wait and loses none.
    let typing = thread::spawn(move || {
        (0..2000).for_each(|line| server.types(format!("line {line}\n").as_bytes()));
        server
    });
    for line in 0..2000 {
        assert_eq!(pair("server", &format!("line {line}")), ann.hear());
    }
    let mut server = typing.join().expect("all of it is read");
    // The end of the input is no reason to stop, and neither is one that never ends.
    server.hang_up();
    ann.say("still here");
    while bob.hear() != pair("ann", "still here") {}
    drop((ann, bob));
    assert_eq!(Some(0), server.stop().code);
}

#[test]
fn what_is_typed_waits_for_a_paused_room_and_nothing_is_lost() {
    let flags = ["--window", "512KiB", "--max-message", "32KiB", "--extensions"];
    let mut server = Server::start_typing(&flags);
    let mut ann = Client::connect(&server.address);
    ann.say("ann");
    assert_eq!("server", ann.hear().0);
    // It joins and never reads: the room has to pause for it, and in the end to give it up.
    let mut deaf = Client::connect(&server.address);
    deaf.say("deaf");
    assert_eq!(pair("server", "deaf has joined"), ann.hear());
    // More than its sockets and the window hold, said by nobody but the operator.
    let text = "x".repeat(32 << 10);
    let line = [text.as_bytes(), b"\n"].concat();
    let typing = thread::spawn(move || {
        (0..LINES).for_each(|_| server.types(&line));
        server
    });
    let mut left = 0;
    for _ in 0..=LINES {
        let heard = ann.hear();
        left += usize::from(heard == pair("server", "deaf has left"));
        assert!(heard.1 == text || heard.1 == "deaf has left", "{heard:?}");
    }
    assert_eq!(1, left);
    let ended = typing.join().expect("all of it is read").stop();
    assert!(ended.err.contains("closed_too_slow=1"), "{}", ended.err);
    drop(deaf);
}

#[test]
fn a_console_that_nobody_types_at_does_not_hold_up_the_end() {
    let server = Server::start_typing(&["--extensions"]);
    let ended = server.stop();
    assert_eq!(Some(0), ended.code, "{}", ended.err);
    assert_eq!("", ended.out, "only the ready line is written");
}

const LINES: usize = 1000;
