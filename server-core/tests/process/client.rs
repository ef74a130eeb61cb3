//! A client: sends frames, receives pairs, and fails after a time limit.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use protocol::{PairDecoder, encode_frame};
use server_core::bytes::{Bytes, BytesMut};

pub(crate) struct Client {
    stream: TcpStream,
    pairs: PairDecoder,
}

impl Client {
    /// Connects and sends nothing.
    pub(crate) fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).expect("the server listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("the time is not zero");
        Self { stream, pairs: PairDecoder::new(64 << 10) }
    }

    /// Joins, and waits until its own message comes back.
    pub(crate) fn join(address: &str, name: &str) -> Self {
        let mut client = Self::connect(address);
        client.send(name);
        client.send("here");
        assert_eq!((name.to_owned(), "here".to_owned()), client.receive());
        client
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.send_bytes(text.as_bytes());
    }

    /// Sends one frame with this payload.
    pub(crate) fn send_bytes(&mut self, payload: &[u8]) {
        let mut frame = BytesMut::new();
        encode_frame(payload, &mut frame);
        self.stream.write_all(&frame).expect("the server reads");
    }

    /// The next pair: its sender and its text.
    pub(crate) fn receive(&mut self) -> (String, String) {
        loop {
            if let Some(pair) = self.pairs.next_pair().expect("the server sends frames") {
                return (text(&pair.sender), text(&pair.text));
            }
            assert_ne!(0, self.read(), "expected a pair, got EOF");
        }
    }

    pub(crate) fn expect_end(&mut self) {
        assert_eq!(0, self.read(), "expected EOF, got bytes");
        assert!(!self.pairs.is_mid_pair(), "EOF inside a pair");
    }

    /// Sends these bytes again and again as long as the server takes them.
    pub(crate) fn flood(mut self, bytes: &[u8]) {
        while self.stream.write_all(bytes).is_ok() {}
    }

    fn read(&mut self) -> usize {
        let mut chunk = [0; 4096];
        let bytes = self.stream.read(&mut chunk).expect("the server answers in time");
        self.pairs.feed(&chunk[..bytes]);
        bytes
    }
}

fn text(bytes: &Bytes) -> String {
    str::from_utf8(bytes).expect("the server sends UTF-8").to_owned()
}

/// Time limit of a read: long enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);
