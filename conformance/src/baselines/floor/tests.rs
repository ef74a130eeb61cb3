//! The floor passes on everything, whole, to everybody else, and holds nobody up.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use load::wire::Dialect;
use load::{Crowd, Extent, FanOut, MESSAGE_BYTES_MIN, Shape};

use super::{serve, serve_blocking};

#[test]
fn the_load_hears_everything_through_it() {
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
fn the_load_goes_to_and_fro_through_two_threads() {
    let addr = start(|listener| serve_blocking(&listener));
    let shape = Shape { speakers: 2, listeners: 0, size: 64, dialect: Dialect::Floor };
    let mut crowd = Crowd::join(addr, &shape).unwrap();
    assert_eq!(200, crowd.ping_pong(100).unwrap().tally.deliveries);
}

#[test]
fn everybody_hears_all_others_and_nobody_itself() {
    let [mut ann, mut bob, mut cyd] = crowd();
    for _ in 0..100 {
        say(&mut ann, "from ann");
        hear(&mut bob, "from ann");
        hear(&mut cyd, "from ann");
        say(&mut bob, "from bob");
        hear(&mut ann, "from bob");
        hear(&mut cyd, "from bob");
    }
}

#[test]
fn pairs_of_two_speakers_do_not_mix_wherever_they_are_cut() {
    let [mut ann, mut bob, mut cyd] = crowd();
    let pair = pair("from ann");
    for cut in 1..pair.len() {
        ann.write_all(&pair[..cut]).unwrap();
        say(&mut bob, "from bob");
        hear(&mut cyd, "from bob");
        ann.write_all(&pair[cut..]).unwrap();
        hear(&mut cyd, "from ann");
    }
}

#[test]
fn who_says_no_pairs_is_dropped_and_the_others_go_on() {
    let [mut ann, mut bob, mut cyd] = crowd();
    ann.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    assert!(is_over(&mut ann), "it is let go");
    say(&mut bob, "still here");
    hear(&mut cyd, "still here");
}

#[test]
fn who_reads_late_gets_everything_all_the_same() {
    let [mut ann, mut bob, mut cyd] = crowd();
    let text = "x".repeat(1 << 20);
    let talk = thread::spawn(move || {
        (0..16).for_each(|_| say(&mut ann, &text));
        say(&mut ann, "that is all");
        ann
    });
    let text = "x".repeat(1 << 20);
    for late in [&mut bob, &mut cyd] {
        (0..16).for_each(|_| hear(late, &text));
        hear(late, "that is all");
    }
    talk.join().unwrap();
}

#[test]
fn who_does_not_read_is_dropped_and_the_others_go_on() {
    let [mut ann, mut bob, mut cyd] = crowd();
    let text = "x".repeat(1 << 20);
    for _ in 0..100 {
        say(&mut ann, &text);
        hear(&mut cyd, &text);
    }
    assert!(is_over(&mut bob), "it is let go");
    say(&mut cyd, "still here");
    hear(&mut ann, "still here");
}

#[test]
fn two_clients_hear_each_other_through_two_threads() {
    let addr = start(|listener| serve_blocking(&listener));
    // It only looks whether somebody listens.
    drop(TcpStream::connect(addr).unwrap());
    let (mut ann, mut bob) = (connect(addr), connect(addr));
    for _ in 0..100 {
        say(&mut ann, "there");
        hear(&mut bob, "there");
        say(&mut bob, "and back");
        hear(&mut ann, "and back");
    }
    drop(ann);
    assert!(is_over(&mut bob), "it is let go");
}

/// Three clients that all hear each other: each newcomer has been heard by those before it.
fn crowd() -> [TcpStream; 3] {
    let addr = start(serve);
    let mut ann = connect(addr);
    let mut bob = connect(addr);
    say(&mut bob, "bob is here");
    hear(&mut ann, "bob is here");
    let mut cyd = connect(addr);
    say(&mut cyd, "cyd is here");
    hear(&mut ann, "cyd is here");
    hear(&mut bob, "cyd is here");
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

/// A client that has said its name.
fn connect(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"3         ann").unwrap();
    stream
}

fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(&pair(text)).unwrap();
}

/// What comes next is this and nothing else.
fn hear(stream: &mut TcpStream, text: &str) {
    let mut heard = vec![0; pair(text).len()];
    stream.read_exact(&mut heard).expect("it comes in time");
    assert!(heard == pair(text), "something else than \"{text:.20}\" came");
}

/// Whether the connection ends, after whatever is on its way.
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

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);
