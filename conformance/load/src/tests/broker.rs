//! Broker: a naive server of NATS clients, one thread each, that says more than it needs to.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use crate::fake::acceptor::Acceptor;

/// A running broker. Dropping it ends it; its clients' threads end with their connections.
pub(super) struct Broker {
    pub(super) addr: SocketAddr,
    room: Arc<Mutex<Room>>,
    /// Ends with it.
    _acceptor: Acceptor,
}

#[derive(Default)]
struct Room {
    subscribers: Vec<TcpStream>,
    messages: usize,
    loses_one: bool,
    /// What came and was not passed on, and how many of them are passed on together.
    held: Vec<String>,
    hold: usize,
}

impl Broker {
    pub(super) fn start() -> Self {
        let room = Arc::new(Mutex::new(Room::default()));
        let shared = Arc::clone(&room);
        let acceptor = Acceptor::start(move |_, stream| {
            serve(stream, &shared);
        });
        Self { addr: acceptor.addr, room, _acceptor: acceptor }
    }

    /// Has the last subscriber miss the next message.
    pub(super) fn lose_one(&self) {
        self.room.lock().unwrap().loses_one = true;
    }

    /// Has messages passed on so many at a time, and none before.
    pub(super) fn hold(&self, messages: usize) {
        self.room.lock().unwrap().hold = messages;
    }
}

/// Ends with the connection, or with a line that no client of ours says.
fn serve(mut stream: TcpStream, room: &Mutex<Room>) -> Option<()> {
    stream.write_all(b"INFO {}\r\n").ok()?;
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    loop {
        let line = lines.next()?.ok()?;
        match line.split_once(' ').map_or(&line[..], |(word, _)| word) {
            "CONNECT" => {}
            "SUB" => room.lock().unwrap().subscribers.push(stream.try_clone().ok()?),
            "PING" => stream.write_all(b"PONG\r\n").ok()?,
            "PUB" => {
                let text = lines.next()?.ok()?;
                room.lock().unwrap().take(text);
                stream.write_all(b"+OK\r\nPING\r\n").ok()?;
            }
            _ => return None,
        }
    }
}

impl Room {
    fn take(&mut self, text: String) {
        self.held.push(text);
        if self.held.len() >= self.hold {
            for text in std::mem::take(&mut self.held) {
                self.relay(&text);
            }
        }
    }

    /// Asks now the first subscriber and now the second, between two messages, whether it is there.
    fn relay(&mut self, text: &str) {
        self.messages += 1;
        let asked = self.messages.is_multiple_of(PAUSE).then_some(self.messages / PAUSE % 2);
        let message = format!("MSG room 1 {}\r\n{text}\r\n", text.len());
        let last = self.subscribers.len().checked_sub(1);
        for (number, stream) in self.subscribers.iter_mut().enumerate() {
            let question = if asked == Some(number) { "PING\r\n" } else { "" };
            if last == Some(number) && std::mem::take(&mut self.loses_one) {
                continue;
            }
            // One that has left is noticed by its reader.
            stream.write_all([question, &message].concat().as_bytes()).ok();
        }
    }
}

/// Messages between two questions.
const PAUSE: usize = 50;
