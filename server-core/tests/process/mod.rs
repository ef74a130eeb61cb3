//! What every server does as a process: its arguments, its console, its signals, its last words.

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

/// One's own message coming back tells that all before it has been dealt with.
const FENCED: [&str; 2] = ["--relay", "everyone"];

fn pair(sender: &str, text: &str) -> (String, String) {
    (sender.to_owned(), text.to_owned())
}

#[test]
fn two_clients_talk_and_both_are_counted() {
    let server = Server::start(&FENCED);
    let mut ann = Client::join(&server.address, "ann");
    let mut bob = Client::join(&server.address, "bob");
    assert_eq!(pair("bob", "here"), ann.hear());
    ann.say("hello bob");
    assert_eq!(pair("ann", "hello bob"), bob.hear());
    bob.say("سلام");
    assert_eq!(pair("ann", "hello bob"), ann.hear());
    assert_eq!(pair("bob", "سلام"), ann.hear());
    drop((ann, bob));
    let ended = server.stop();
    let told = ended.err.lines().find(|line| line.contains("stopped:")).unwrap_or_default();
    assert!(told.contains("joined=2 members_max=2 messages=4 message_bytes=25"), "{}", ended.err);
}

#[test]
fn a_signal_ends_it_politely() {
    for signal in ["TERM", "INT"] {
        let server = Server::start(&FENCED);
        let mut ann = Client::join(&server.address, "ann");
        server.signal(signal);
        assert_eq!(pair("server", STOPPING), ann.hear(), "SIG{signal}");
        ann.hears_the_end();
        drop(ann);
        let ended = server.end();
        assert_eq!(Some(0), ended.code, "{}", ended.err);
        assert!(ended.err.contains("closed_shutdown=1"), "{}", ended.err);
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let much = 16 << 20;
    let flags = ["--window", "64MiB", "--patience", "1h", "--grace", "1h"];
    let server = Server::start(&[&FENCED[..], &flags].concat());
    let mut deaf = Client::join(&server.address, "deaf");
    let mut ann = Client::join(&server.address, "ann");
    // More than any socket holds, so that the server cannot get rid of it.
    let text = "x".repeat(32 << 10);
    for _ in 0..much / pair_len(b"deaf", text.as_bytes()) {
        deaf.say(&text);
        assert_eq!(pair("deaf", &text), ann.hear());
    }
    server.signal("TERM");
    assert_eq!(pair("server", STOPPING), ann.hear(), "the first is heeded");
    server.signal("TERM");
    let ended = server.end();
    assert_eq!(Some(128 + 15), ended.code, "{}", ended.err);
}

#[test]
fn who_still_speaks_and_reads_late_gets_the_notice_too() {
    let server = Server::start(&FENCED);
    let mut ann = Client::join(&server.address, "ann");
    let mut late = Client::join(&server.address, "late");
    // More than a client's receive buffer, less than the server's send buffer.
    let text = "y".repeat(1000);
    for _ in 0..1000 {
        late.say(&text);
        while ann.hear() != pair("late", &text) {}
    }
    server.signal("TERM");
    while ann.hear() != pair("server", STOPPING) {}
    // The end is on its way; what is said now must not eat what it has not read.
    late.say("am I too late?");
    for _ in 0..1000 {
        assert_eq!(pair("late", &text), late.hear());
    }
    assert_eq!(pair("server", STOPPING), late.hear());
    late.hears_the_end();
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    for log in [Log::Closed, Log::NeverRead] {
        let (server, _unread) = Server::start_unheard(&FENCED, log);
        let mut ann = Client::join(&server.address, "ann");
        // More lines than a pipe holds.
        for number in 0..1000 {
            let name = format!("bob{number}");
            drop(Client::join(&server.address, &name));
            assert_eq!(pair(&name, "here"), ann.hear(), "{log:?}");
        }
        server.signal("TERM");
        assert_eq!(pair("server", STOPPING), ann.hear(), "{log:?}");
        drop(ann);
        assert_eq!(Some(0), server.end().code, "{log:?}");
    }
}

#[test]
fn text_that_is_not_utf8_is_repaired_and_logged_once() {
    let server = Server::start(&FENCED);
    let mut ann = Client::join(&server.address, "ann");
    for _ in 0..3 {
        ann.send(b"caf\xe9");
        assert_eq!(pair("ann", "caf\u{FFFD}"), ann.hear());
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
fn every_surplus_client_is_told_why() {
    let server = Server::start(&[&FENCED[..], &["--max-clients", "1"]].concat());
    let mut ann = Client::join(&server.address, "ann");
    let mut surplus: Vec<_> = (0..40).map(|_| Client::connect(&server.address)).collect();
    for client in &mut surplus {
        let (sender, why) = client.hear();
        assert_eq!("server", sender);
        assert!(why.contains("full"), "{why}");
        client.hears_the_end();
    }
    ann.say("still here");
    assert_eq!(pair("ann", "still here"), ann.hear());
    drop((ann, surplus));
    let ended = server.stop();
    assert!(ended.err.contains("closed_full=40"), "{}", ended.err);
}

#[test]
fn who_floods_keeps_nobody_out() {
    let server = Server::start(&FENCED);
    let flooder = Client::connect(&server.address);
    let flood = thread::spawn(move || {
        let name = b"5         flood";
        // Empty messages: the most work per byte.
        flooder.flood(&[&name[..], &b"0         ".repeat(5000)].concat());
    });
    for name in ["ann", "bob", "cid"] {
        let mut client = Client::connect(&server.address);
        client.say(name);
        client.say("let me in");
        while client.hear() != pair(name, "let me in") {}
    }
    drop(server);
    flood.join().expect("the flood ends with the server");
}

#[test]
fn with_extensions_who_comes_goes_and_changes_is_told_and_logged() {
    let server = Server::start(&["--extensions"]);
    let mut ann = Client::connect(&server.address);
    ann.say("ann");
    assert_eq!("server", ann.hear().0);
    let mut bob = Client::connect(&server.address);
    bob.say("bob");
    assert_eq!(pair("server", "bob has joined"), ann.hear());
    assert_eq!("server", bob.hear().0);
    bob.say("/nick rob\u{a0}x");
    assert_eq!(pair("server", "bob is now rob\u{a0}x"), ann.hear());
    drop(bob);
    assert_eq!(pair("server", "rob\u{a0}x has left"), ann.hear());
    drop(ann);
    let ended = server.stop();
    let renamed = ended.err.lines().find(|line| line.contains("renamed")).unwrap_or_default();
    assert!(renamed.contains("before=\"bob\""), "{}", ended.err);
}

#[test]
fn after_the_notice_of_the_end_nobody_is_told_who_left() {
    let server = Server::start(&["--extensions"]);
    let mut clients: Vec<_> = ["ann", "bob", "cid"]
        .into_iter()
        .map(|name| {
            let mut client = Client::connect(&server.address);
            client.say(name);
            assert!(client.hear().1.starts_with("welcome"));
            client
        })
        .collect();
    server.signal("TERM");
    for (place, client) in clients.iter_mut().enumerate() {
        for joined in &["ann", "bob", "cid"][place + 1..] {
            assert_eq!(pair("server", &format!("{joined} has joined")), client.hear());
        }
        assert_eq!(pair("server", STOPPING), client.hear());
        client.hears_the_end();
    }
    drop(clients);
    assert_eq!(Some(0), server.end().code);
}
