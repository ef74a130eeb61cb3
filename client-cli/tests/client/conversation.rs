//! Conversations without errors: input is sent, pairs are printed, and the client ends quietly.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::thread;

use crate::harness::{Client, Running, Server, join, pair, program, read_frame};

#[test]
fn both_directions_work_at_once_and_eof_on_the_input_ends_the_client() {
    let (mut client, mut stream) = join();
    client.type_in("hello\r\n");
    assert_eq!(Some("hello".into()), read_frame(&mut stream));
    stream.write_all(&pair("ann", "سلام 你好 👩‍👩‍👧")).unwrap();
    assert_eq!("ann > سلام 你好 👩‍👩‍👧", client.line());
    client.type_in("last");
    client.end_input();
    assert_eq!(Some("last".into()), read_frame(&mut stream));
    assert_eq!(None, read_frame(&mut stream));
    stream.write_all(&pair("ann", "bye")).unwrap();
    drop(stream);
    let ended = client.wait();
    ended.assert_succeeded();
    assert_eq!(vec!["ann > bye"], ended.output);
}

#[test]
fn a_thousand_lines_from_a_pipe_arrive_complete_and_in_order() {
    let (mut client, mut stream) = join();
    let lines: Vec<_> = (1..=1000).map(|number| number.to_string()).collect();
    client.type_in(lines.join("\n"));
    client.end_input();
    let arrived: Vec<_> = std::iter::from_fn(|| read_frame(&mut stream)).collect();
    assert_eq!(lines, arrived);
    drop(stream);
    client.wait().assert_succeeded();
}

#[test]
fn empty_lines_of_a_pipe_are_messages() {
    let (mut client, mut stream) = join();
    client.type_in("\n\nx\n");
    client.end_input();
    let arrived: Vec<_> = std::iter::from_fn(|| read_frame(&mut stream)).collect();
    assert_eq!(vec!["", "", "x"], arrived);
    drop(stream);
    client.wait().assert_succeeded();
}

#[test]
fn every_cut_of_three_pairs_prints_the_same_lines() {
    let script = [pair("ann", "hello"), pair("Zoë 🦀", ""), pair("bob", "10        ")].concat();
    let first_pairs = [pair("ann", "hello").len(), script.len() - pair("bob", "10        ").len()];
    let printed = ["ann > hello", "Zoë 🦀 > ", "bob > 10        "];
    let (client, mut stream) = join();
    for cut in 0..=script.len() {
        // The lines of the first part show that it has been read before the second one is sent.
        let early = first_pairs.iter().filter(|end| **end <= cut && cut < script.len()).count();
        stream.write_all(&script[..cut]).unwrap();
        let mut lines: Vec<_> = (0..early).map(|_| client.line()).collect();
        stream.write_all(&script[cut..]).unwrap();
        lines.extend((early..printed.len()).map(|_| client.line()));
        assert_eq!(printed.as_slice(), lines, "cut at {cut}");
    }
    client.leave(stream);
}

#[test]
fn the_client_reads_while_the_server_does_not_read() {
    let text = "x".repeat(4096);
    let (mut client, mut stream) = join();
    let mut input = client.take_input();
    let line = format!("{text}\n");
    let writer = thread::spawn(move || {
        (0..2048).for_each(|_| input.write_all(line.as_bytes()).unwrap());
    });
    // No socket's buffers hold 8 MiB: neither direction can finish unless both go on.
    (0..2048).for_each(|_| stream.write_all(&pair("ann", &text)).unwrap());
    for number in 0..2048 {
        assert_eq!(Some(&text), read_frame(&mut stream).as_ref(), "message {number}");
    }
    writer.join().unwrap();
    assert_eq!(None, read_frame(&mut stream));
    drop(stream);
    let ended = client.wait();
    ended.assert_succeeded();
    assert_eq!(2048, ended.output.len());
}

#[test]
fn a_closed_output_ends_the_client_without_an_error() {
    let server = Server::start();
    let mut command = program();
    command.arg(server.address.to_string()).stdin(Stdio::piped());
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut client = Running(child);
    let mut stream = server.accept();
    stream.write_all(&pair("ann", "first")).unwrap();
    let mut output = BufReader::new(client.0.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    assert_eq!("ann > first\n", line);
    drop(output);
    stream.write_all(&pair("ann", "second")).unwrap();
    // The input is still open, so the closed output must be what ended the connection.
    stream.read_to_end(&mut Vec::new()).unwrap();
    let mut errors = String::new();
    client.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!((Some(0), ""), (client.0.wait().unwrap().code(), errors.as_str()));
}

#[test]
fn control_characters_from_others_are_shown_not_obeyed() {
    let (client, mut stream) = join();
    stream.write_all(&pair("eve\r", "\x1b[2J\x07\x08a\nbob > yes\u{202E}\u{9b}\0")).unwrap();
    assert_eq!("eve␍ > ␛[2J␇␈a␊bob > yes[U+202E][U+009B]␀", client.line());
    stream.write_all(b"3         bob2         \xFFx").unwrap();
    assert_eq!("bob > \u{FFFD}x", client.line());
    client.leave(stream);
}

#[test]
fn a_host_name_is_looked_up() {
    let server = Server::start();
    let client = Client::spawn(program().arg(format!("localhost:{}", server.address.port())));
    let mut stream = server.accept();
    assert_eq!(Some("tester".into()), read_frame(&mut stream));
    client.leave(stream);
}
