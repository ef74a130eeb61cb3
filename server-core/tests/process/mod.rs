//! Tests of a server as a process: its arguments, its console, its signals, its log.

use std::thread;

use protocol::pair_len;
use server_core::STOPPING;

use client::Client;
use server::{Log, Server};

mod arguments;
mod client;
mod console;
mod listen;
mod server;

/// With these flags a member receives its own messages: one that comes back shows that all input before it was
/// processed.
const FENCED: [&str; 2] = ["--relay", "everyone"];

fn pair(sender: &str, text: &str) -> (String, String) {
    (sender.to_owned(), text.to_owned())
}

#[test]
fn two_clients_talk_and_both_are_counted() {
    let server = Server::start(&FENCED);
    let mut ann = Client::join(&server.address, "ann");
    let mut bob = Client::join(&server.address, "bob");
    assert_eq!(pair("bob", "here"), ann.receive());
    ann.send("hello bob");
    assert_eq!(pair("ann", "hello bob"), bob.receive());
    bob.send("سلام");
    assert_eq!(pair("ann", "hello bob"), ann.receive());
    assert_eq!(pair("bob", "سلام"), ann.receive());
    drop((ann, bob));
    let ended = server.stop();
    let totals = ended.err.lines().find(|line| line.contains("stopped:")).unwrap_or_default();
    assert!(totals.contains("joined=2 members_max=2 messages=4 message_bytes=25"), "{}", ended.err);
}

#[test]
fn a_signal_starts_the_graceful_shutdown() {
    for signal in ["TERM", "INT"] {
        let server = Server::start(&FENCED);
        let mut ann = Client::join(&server.address, "ann");
        server.signal(signal);
        assert_eq!(pair("server", STOPPING), ann.receive(), "SIG{signal}");
        ann.expect_end();
        drop(ann);
        let ended = server.end();
        assert_eq!(Some(0), ended.code, "{}", ended.err);
        assert!(ended.err.contains("closed_shutdown=1"), "{}", ended.err);
    }
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let much = 16 << 20;
    let flags = ["--window", "64MiB", "--patience", "1h", "--grace", "1h"];
    let server = Server::start(&[&FENCED[..], &flags].concat());
    let mut slow = Client::join(&server.address, "slow");
    let mut ann = Client::join(&server.address, "ann");
    // More than any socket holds, so that the server cannot deliver it.
    let text = "x".repeat(32 << 10);
    for _ in 0..much / pair_len(b"slow", text.as_bytes()) {
        slow.send(&text);
        assert_eq!(pair("slow", &text), ann.receive());
    }
    server.signal("TERM");
    assert_eq!(pair("server", STOPPING), ann.receive(), "the first signal is handled");
    server.signal("TERM");
    let ended = server.end();
    assert_eq!(Some(128 + 15), ended.code, "{}", ended.err);
}

#[test]
fn a_member_that_sends_and_reads_during_the_shutdown_gets_the_notice() {
    let server = Server::start(&FENCED);
    let mut ann = Client::join(&server.address, "ann");
    let mut late = Client::join(&server.address, "late");
    // More than a client's receive buffer, less than the server's send buffer.
    let text = "y".repeat(1000);
    for _ in 0..1000 {
        late.send(&text);
        while ann.receive() != pair("late", &text) {}
    }
    server.signal("TERM");
    while ann.receive() != pair("server", STOPPING) {}
    // The shutdown has begun. What the client sends now must not cost it what it has not read yet.
    late.send("am I too late?");
    for _ in 0..1000 {
        assert_eq!(pair("late", &text), late.receive());
    }
    assert_eq!(pair("server", STOPPING), late.receive());
    late.expect_end();
}

#[test]
fn an_unread_log_does_not_delay_the_server() {
    for log in [Log::Closed, Log::Unread] {
        let (server, _unread) = Server::start_with_log(&FENCED, log);
        let mut ann = Client::join(&server.address, "ann");
        // More lines than a pipe holds.
        for number in 0..1000 {
            let name = format!("bob{number}");
            drop(Client::join(&server.address, &name));
            assert_eq!(pair(&name, "here"), ann.receive(), "{log:?}");
        }
        server.signal("TERM");
        assert_eq!(pair("server", STOPPING), ann.receive(), "{log:?}");
        drop(ann);
        assert_eq!(Some(0), server.end().code, "{log:?}");
    }
}

#[test]
fn text_that_is_not_utf8_is_repaired_and_logged_once() {
    let server = Server::start(&FENCED);
    let mut ann = Client::join(&server.address, "ann");
    for _ in 0..3 {
        ann.send_bytes(b"caf\xe9");
        assert_eq!(pair("ann", "caf\u{FFFD}"), ann.receive());
    }
    drop(ann);
    let ended = server.stop();
    let lines: Vec<_> = ended.err.lines().filter(|line| line.contains("UTF-8")).collect();
    let [line] = lines[..] else { panic!("expected one line: {}", ended.err) };
    for part in ["peer=127.0.0.1:", "name=\"ann\"", "U+FFFD"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn every_surplus_client_gets_the_reason() {
    let server = Server::start(&[&FENCED[..], &["--max-clients", "1"]].concat());
    let mut ann = Client::join(&server.address, "ann");
    let mut surplus: Vec<_> = (0..40).map(|_| Client::connect(&server.address)).collect();
    for client in &mut surplus {
        let (sender, why) = client.receive();
        assert_eq!("server", sender);
        assert!(why.contains("full"), "{why}");
        client.expect_end();
    }
    ann.send("still here");
    assert_eq!(pair("ann", "still here"), ann.receive());
    drop((ann, surplus));
    let ended = server.stop();
    assert!(ended.err.contains("closed_full=40"), "{}", ended.err);
}

#[test]
fn a_flood_does_not_keep_other_clients_out() {
    let server = Server::start(&FENCED);
    let flooder = Client::connect(&server.address);
    let flood = thread::spawn(move || {
        let name = b"5         flood";
        // Empty messages are the most work per byte.
        flooder.flood(&[&name[..], &b"0         ".repeat(5000)].concat());
    });
    for name in ["ann", "bob", "cid"] {
        let mut client = Client::connect(&server.address);
        client.send(name);
        client.send("let me in");
        while client.receive() != pair(name, "let me in") {}
    }
    drop(server);
    flood.join().expect("the flood ends when the server does");
}

#[test]
fn with_extensions_joins_leaves_and_renames_are_announced_and_logged() {
    let server = Server::start(&["--extensions"]);
    let mut ann = Client::connect(&server.address);
    ann.send("ann");
    assert_eq!("server", ann.receive().0);
    let mut bob = Client::connect(&server.address);
    bob.send("bob");
    assert_eq!(pair("server", "bob has joined"), ann.receive());
    assert_eq!("server", bob.receive().0);
    bob.send("/nick rob\u{a0}x");
    assert_eq!(pair("server", "bob is now rob\u{a0}x"), ann.receive());
    drop(bob);
    assert_eq!(pair("server", "rob\u{a0}x has left"), ann.receive());
    drop(ann);
    let ended = server.stop();
    let renamed = ended.err.lines().find(|line| line.contains("renamed")).unwrap_or_default();
    assert!(renamed.contains("before=\"bob\""), "{}", ended.err);
}

#[test]
fn after_the_shutdown_notice_no_leave_is_announced() {
    let server = Server::start(&["--extensions"]);
    let mut clients: Vec<_> = ["ann", "bob", "cid"]
        .into_iter()
        .map(|name| {
            let mut client = Client::connect(&server.address);
            client.send(name);
            assert!(client.receive().1.starts_with("welcome"));
            client
        })
        .collect();
    server.signal("TERM");
    for (place, client) in clients.iter_mut().enumerate() {
        for joined in &["ann", "bob", "cid"][place + 1..] {
            assert_eq!(pair("server", &format!("{joined} has joined")), client.receive());
        }
        assert_eq!(pair("server", STOPPING), client.receive());
        client.expect_end();
    }
    drop(clients);
    assert_eq!(Some(0), server.end().code);
}
