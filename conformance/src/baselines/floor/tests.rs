//! The floor relays every pair, whole, to all other members, and a slow member delays none of them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use load::wire::Dialect;
use load::{Crowd, Extent, FanOut, MESSAGE_BYTES_MIN, Shape};

use super::{serve, serve_blocking};

#[test]
fn it_delivers_everything_to_the_load() {
    let addr = start(serve);
    for (size, messages) in [(MESSAGE_BYTES_MIN, 1000), (1 << 20, 20)] {
        let shape = Shape { speakers: 3, listeners: 5, size, dialect: Dialect::Floor };
        let mut crowd = Crowd::join(addr, &shape).unwrap();
        let plan = FanOut { extent: Extent::Messages(messages), in_flight: 16 };
        let tally = crowd.fan_out(plan).unwrap();
        assert_eq!((messages, messages * 7), (tally.messages, tally.deliveries), "{size}");
    }
}

#[test]
fn two_threads_carry_a_ping_pong_of_the_load() {
    let addr = start(|listener| serve_blocking(&listener));
    let shape = Shape { speakers: 2, listeners: 0, size: 64, dialect: Dialect::Floor };
    let mut crowd = Crowd::join(addr, &shape).unwrap();
    assert_eq!(200, crowd.ping_pong(100).unwrap().tally.deliveries);
}

#[test]
fn every_member_receives_the_others_and_not_itself() {
    let [mut ann, mut bob, mut cyd] = three_members();
    for _ in 0..100 {
        send(&mut ann, "from ann");
        expect(&mut bob, "from ann");
        expect(&mut cyd, "from ann");
        send(&mut bob, "from bob");
        expect(&mut ann, "from bob");
        expect(&mut cyd, "from bob");
    }
}

#[test]
fn pairs_of_two_speakers_do_not_mix_wherever_they_are_cut() {
    let [mut ann, mut bob, mut cyd] = three_members();
    let pair = pair("from ann");
    for cut in 1..pair.len() {
        ann.write_all(&pair[..cut]).unwrap();
        send(&mut bob, "from bob");
        expect(&mut cyd, "from bob");
        ann.write_all(&pair[cut..]).unwrap();
        expect(&mut cyd, "from ann");
    }
}

#[test]
fn a_member_that_sends_no_pairs_is_disconnected_and_the_others_go_on() {
    let [mut ann, mut bob, mut cyd] = three_members();
    ann.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert!(is_over(&mut ann), "it is disconnected");
    send(&mut bob, "still here");
    expect(&mut cyd, "still here");
}

#[test]
fn a_member_that_reads_late_receives_everything() {
    let [mut ann, mut bob, mut cyd] = three_members();
    let text = "x".repeat(1 << 20);
    let talk = thread::spawn(move || {
        (0..16).for_each(|_| send(&mut ann, &text));
        send(&mut ann, "that is all");
        ann
    });
    let text = "x".repeat(1 << 20);
    for late in [&mut bob, &mut cyd] {
        (0..16).for_each(|_| expect(late, &text));
        expect(late, "that is all");
    }
    talk.join().unwrap();
}

#[test]
fn a_member_that_does_not_read_is_disconnected_and_the_others_go_on() {
    let [mut ann, mut bob, mut cyd] = three_members();
    let text = "x".repeat(1 << 20);
    for _ in 0..100 {
        send(&mut ann, &text);
        expect(&mut cyd, &text);
    }
    assert!(is_over(&mut bob), "it is disconnected");
    send(&mut cyd, "still here");
    expect(&mut ann, "still here");
}

#[test]
fn two_clients_talk_through_two_threads() {
    let addr = start(|listener| serve_blocking(&listener));
    // A client that only tests whether the port is open.
    drop(TcpStream::connect(addr).unwrap());
    let (mut ann, mut bob) = (connect(addr), connect(addr));
    for _ in 0..100 {
        send(&mut ann, "there");
        expect(&mut bob, "there");
        send(&mut bob, "and back");
        expect(&mut ann, "and back");
    }
    drop(ann);
    assert!(is_over(&mut bob), "it is disconnected");
}

/// Three members that receive each other: each new one has sent a pair that those before it
/// received.
fn three_members() -> [TcpStream; 3] {
    let addr = start(serve);
    let mut ann = connect(addr);
    let mut bob = connect(addr);
    send(&mut bob, "bob is here");
    expect(&mut ann, "bob is here");
    let mut cyd = connect(addr);
    send(&mut cyd, "cyd is here");
    expect(&mut ann, "cyd is here");
    expect(&mut bob, "cyd is here");
    [ann, bob, cyd]
}

/// A server that ends with the tests.
pub(crate) fn start(
    serve: impl FnOnce(TcpListener) -> std::io::Result<()> + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || serve(listener).expect("it serves to the end"));
    addr
}

/// A client that has sent its name.
fn connect(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"3         ann").unwrap();
    stream
}

fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(&pair(text)).unwrap();
}

/// The next pair is this one.
fn expect(stream: &mut TcpStream, text: &str) {
    let mut received = vec![0; pair(text).len()];
    stream.read_exact(&mut received).expect("it comes in time");
    assert!(received == pair(text), "another pair than \"{text:.20}\" came");
}

/// Whether the connection ends, after the bytes in flight.
fn is_over(stream: &mut TcpStream) -> bool {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

fn pair(text: &str) -> Bytes {
    protocol::pair(b"ann", text.as_bytes())
}

/// Longer than any server here takes, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);
