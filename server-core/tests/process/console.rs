//! The console: what the operator types at a server.

use std::thread;

use super::client::Client;
use super::server::Server;
use super::{FENCED, pair};

#[test]
fn console_lines_go_to_all_members_in_one_order() {
    let mut server = Server::start_with_console(&FENCED);
    let mut ann = Client::join(&server.address, "ann");
    let mut bob = Client::join(&server.address, "bob");
    assert_eq!(pair("bob", "here"), ann.receive());
    server.type_text(b"dinner is\n\nready \xff\n");
    for client in [&mut ann, &mut bob] {
        assert_eq!(pair("server", "dinner is"), client.receive());
        assert_eq!(pair("server", "ready \u{FFFD}"), client.receive());
    }
    // More lines than any queue in between holds: the operator has to wait, and no line is lost.
    let typing = thread::spawn(move || {
        (0..2000).for_each(|line| server.type_text(format!("line {line}\n").as_bytes()));
        server
    });
    for line in 0..2000 {
        assert_eq!(pair("server", &format!("line {line}")), ann.receive());
    }
    let mut server = typing.join().expect("the server reads all lines");
    // The server goes on when its standard input ends.
    server.close_console();
    ann.send("still here");
    while bob.receive() != pair("ann", "still here") {}
    drop((ann, bob));
    assert_eq!(Some(0), server.stop().code);
}

#[test]
fn console_lines_wait_for_a_paused_room_and_none_is_lost() {
    let flags = ["--window", "512KiB", "--max-message", "32KiB", "--extensions"];
    let mut server = Server::start_with_console(&flags);
    let mut ann = Client::connect(&server.address);
    ann.send("ann");
    assert_eq!("server", ann.receive().0);
    // It joins and never reads: the room has to pause for it, and in the end to abort it.
    let mut silent = Client::connect(&server.address);
    silent.send("silent");
    assert_eq!(pair("server", "silent has joined"), ann.receive());
    // More than its sockets and the window hold, sent by the operator alone.
    let text = "x".repeat(32 << 10);
    let line = [text.as_bytes(), b"\n"].concat();
    let typing = thread::spawn(move || {
        (0..LINES).for_each(|_| server.type_text(&line));
        server
    });
    let mut left = 0;
    for _ in 0..=LINES {
        let received = ann.receive();
        left += usize::from(received == pair("server", "silent has left"));
        assert!(received.1 == text || received.1 == "silent has left", "{received:?}");
    }
    assert_eq!(1, left);
    let ended = typing.join().expect("the server reads all lines").stop();
    assert!(ended.err.contains("closed_too_slow=1"), "{}", ended.err);
    drop(silent);
}

#[test]
fn an_idle_console_does_not_delay_the_shutdown() {
    let server = Server::start_with_console(&["--extensions"]);
    let ended = server.stop();
    assert_eq!(Some(0), ended.code, "{}", ended.err);
    assert_eq!("", ended.out, "the ready line is the only output");
}

const LINES: usize = 1000;
