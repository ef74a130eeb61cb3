//! Failures: each prints its cause on standard error and has its exit status.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::thread;

use protocol::Name;

use crate::harness::{Client, Running, Server, join, pair, program, read_frame};

#[test]
fn a_close_before_the_input_ends_is_a_failure_and_the_reason_is_printed() {
    let (client, mut stream) = join();
    stream.write_all(&pair("server", "the room is full")).unwrap();
    drop(stream);
    let ended = client.wait();
    ended.assert_failed(1, "the server closed the connection before the input ended");
    assert_eq!(vec!["server > the room is full"], ended.output);
}

#[test]
fn a_reset_is_a_lost_connection() {
    let server = Server::start();
    let client = Client::start(server.address);
    let mut stream = server.accept();
    // Closing a socket with unread bytes resets the connection.
    stream.read_exact(&mut [0; 1]).unwrap();
    stream.peek(&mut [0; 1]).unwrap();
    drop(stream);
    client.wait().assert_failed(1, "lost the connection: connection reset by peer");
}

#[test]
fn an_end_inside_a_pair_is_reported_even_after_the_input_ended() {
    let whole = pair("ann", "hello");
    for cut in [1, 10, 12, 13, 20, 23, whole.len() - 1] {
        let (mut client, mut stream) = join();
        client.end_input();
        assert_eq!(None, read_frame(&mut stream));
        stream.write_all(&whole).unwrap();
        stream.write_all(&whole[..cut]).unwrap();
        drop(stream);
        let ended = client.wait();
        ended.assert_failed(1, "the server ended in the middle of a message");
        assert_eq!(vec!["ann > hello"], ended.output, "cut at {cut}");
    }
}

#[test]
fn a_giant_length_is_rejected_on_the_header_alone() {
    for length in ["9999999999", "16777217  "] {
        let (client, mut stream) = join();
        stream.write_all(length.as_bytes()).unwrap();
        // Nothing follows and nothing closes: the client must not wait for the rest.
        let ended = client.wait();
        ended.assert_failed(1, "a frame of");
        ended.assert_failed(1, "--max-message allows more");
    }
}

#[test]
fn bytes_of_another_protocol_are_rejected() {
    let (client, mut stream) = join();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n").unwrap();
    client.wait().assert_failed(1, "the server breaks the protocol: at byte 0: ");
}

#[test]
fn a_line_that_cannot_be_sent_is_reported_and_the_rest_is_sent() {
    let server = Server::start();
    let mut client = Client::spawn(
        program().args(["--max-message=8", "--name=ann"]).arg(server.address.to_string()),
    );
    let mut stream = server.accept();
    client.type_in(b"too long a line\nok\n\xFFx\n");
    client.end_input();
    let arrived: Vec<_> = std::iter::from_fn(|| read_frame(&mut stream)).collect();
    assert_eq!(vec!["ann", "ok", "\u{FFFD}x"], arrived);
    drop(stream);
    let ended = client.wait();
    assert_eq!(Some(1), ended.status);
    let errors: Vec<_> = ended.errors.lines().collect();
    assert_eq!(3, errors.len(), "{errors:?}");
    assert!(
        errors[0].contains("line 1 is not sent: it is longer than 8 bytes; --max-message"),
        "{errors:?}"
    );
    assert!(errors[1].contains("line 3 is not UTF-8"), "{errors:?}");
    assert!(errors[2].contains("some of the input was not sent"), "{errors:?}");
}

#[test]
fn unreadable_input_is_reported_and_the_conversation_ends() {
    let server = Server::start();
    let directory = File::open(env!("CARGO_MANIFEST_DIR")).unwrap();
    let mut command = program();
    command.arg(server.address.to_string()).stdin(directory).stderr(Stdio::piped());
    let mut client = Running(command.spawn().unwrap());
    let mut stream = server.accept();
    assert_eq!(Some("tester".into()), read_frame(&mut stream));
    assert_eq!(None, read_frame(&mut stream));
    drop(stream);
    let mut errors = String::new();
    client.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(Some(1), client.0.wait().unwrap().code(), "{errors}");
    assert!(errors.contains("cannot read the input: is a directory"), "{errors}");
}

#[test]
fn unwritable_output_is_reported() {
    let server = Server::start();
    // Writing to this device always fails with "no space left on device".
    let Ok(full) = File::options().write(true).open("/dev/full") else { return };
    let mut command = program();
    command.arg(server.address.to_string()).stdin(Stdio::piped()).stdout(full);
    let mut client = Running(command.stderr(Stdio::piped()).spawn().unwrap());
    let mut stream = server.accept();
    stream.write_all(&pair("ann", "hello")).unwrap();
    let mut errors = String::new();
    client.0.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
    assert_eq!(Some(1), client.0.wait().unwrap().code(), "{errors}");
    assert!(errors.contains("cannot write the output: no space left on device"), "{errors}");
}

#[test]
fn a_reset_while_lines_are_being_sent_ends_the_client() {
    let (mut client, stream) = join();
    let mut input = client.take_input();
    // More than the buffers hold, so that the client is still sending when the reset comes.
    let writer = thread::spawn(move || {
        let line = format!("{}\n", "x".repeat(65_535));
        (0..512).all(|_| input.write_all(line.as_bytes()).is_ok())
    });
    stream.peek(&mut [0; 1]).unwrap();
    drop(stream);
    let ended = client.wait();
    assert!(!writer.join().unwrap(), "all of the input was taken");
    ended.assert_failed(1, "the connection");
}

#[test]
fn a_refused_connection_names_the_cause_and_the_next_step() {
    // The port was free a moment ago, and the system does not reuse a port so soon.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = Client::start(address).wait();
    ended.assert_failed(1, &format!("cannot reach {address}: connection refused; is a server"));
    ended.assert_failed(1, &format!("`server-threaded --listen {address}`"));
}

#[test]
fn a_host_without_an_address_is_reported() {
    let ended = Client::spawn(program().arg("nowhere.invalid:1234")).wait();
    ended.assert_failed(1, "cannot find nowhere.invalid:1234: ");
    ended.assert_failed(1, "check the host's name");
}

#[test]
fn a_wrong_command_line_is_one_line_and_has_status_2() {
    let long = "x".repeat(33);
    let name_error = |name: &str| Name::new(name.as_bytes()).unwrap_err().to_string();
    for (arguments, cause) in [
        (["--name", " "], &*name_error(" ")),
        (["--name", "a\nb"], &*name_error("a\nb")),
        (["--name", &long], &*name_error(&long)),
        (["--connect-timeout", "0"], "seconds are more than 0"),
        (["--connect-timeout", "-1"], "seconds are more than 0"),
        (["--max-message", "big"], "the unit is KiB, MiB, GiB"),
        (["--max-message", "-1"], "not a whole number"),
        (["localhost", "--max-message=1"], "the port is missing; expected HOST:PORT"),
        (["localhost:99999", "--max-message=1"], "the port is a number from 1 to 65535"),
        (["localhost:1234", "1234"], "'1234' found; Usage: client-cli [OPTIONS] [HOST:PORT]"),
        (["--nam", "ann"], "tip: a similar argument exists: '--name'"),
        (["\x1b[2J\n\nx:1", "--max-message=1"], "an address has no '\\u{1b}' in it"),
    ] {
        let ended = Client::spawn(program().args(arguments)).wait();
        ended.assert_failed(2, cause);
        assert!(ended.errors.starts_with("client-cli: "), "{ended:?}");
        assert!(ended.errors.ends_with("; try --help\n"), "{ended:?}");
    }
}
