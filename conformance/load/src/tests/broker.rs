//! Broker: a naive server of NATS clients, one thread each, that also sends PINGs and answers.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use crate::fake::acceptor::Acceptor;

/// A running broker. Dropping it ends it. Its clients' threads end with their connections.
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
    /// Messages that were not relayed yet, and how many are relayed together.
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

    /// Does not deliver the next message to the last subscriber.
    pub(super) fn lose_one(&self) {
        self.room.lock().unwrap().loses_one = true;
    }

    /// Relays messages in groups of this many.
    pub(super) fn hold(&self, messages: usize) {
        self.room.lock().unwrap().hold = messages;
    }
}

/// Ends with the connection, or with a line that the load does not send.
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

    /// Sends a PING to the first subscriber or the second, in turn, after every few messages.
    fn relay(&mut self, text: &str) {
        self.messages += 1;
        let pinged = self.messages.is_multiple_of(PAUSE).then_some(self.messages / PAUSE % 2);
        let message = format!("MSG room 1 {}\r\n{text}\r\n", text.len());
        let last = self.subscribers.len().checked_sub(1);
        for (number, stream) in self.subscribers.iter_mut().enumerate() {
            let ping = if pinged == Some(number) { "PING\r\n" } else { "" };
            if last == Some(number) && std::mem::take(&mut self.loses_one) {
                continue;
            }
            // The thread that reads from a subscriber notices that it has left.
            stream.write_all([ping, &message].concat().as_bytes()).ok();
        }
    }
}

/// Messages between two PINGs.
const PAUSE: usize = 50;
