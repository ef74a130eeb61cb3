//! Fake server: a naive chat server, one thread per client, that applies a defect to some
//! deliveries.
//!
//! It is for tests of this crate and of others (feature `fake`).

#![expect(clippy::unwrap_used, reason = "it runs in tests, where a panic is a failure")]

pub(crate) mod acceptor;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use protocol::{Decoder, pair};

use self::acceptor::Acceptor;

/// What the server does wrong with a delivery. The three swaps keep one delivery back until a later
/// one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It does not come.
    Drop,
    /// It comes this much later, and the server does nothing else meanwhile.
    Delay(Duration),
    /// It comes twice.
    Double,
    /// It comes after the next one.
    Swap,
    /// One byte of it differs.
    Change {
        /// The byte's place in the pair, from 0.
        byte: usize,
    },
    /// The connection is closed instead.
    Close,
    /// It comes after the next one of another speaker.
    SwapSpeakers,
    /// As `SwapSpeakers`, and the delivery after that does not come.
    SwapSpeakersThenDrop,
}

/// A running fake server. Dropping it ends it. Its members' threads end with their connections.
pub struct FakeServer {
    /// Where it listens.
    pub addr: SocketAddr,
    room: Arc<Mutex<Room>>,
    /// Ends with it.
    _acceptor: Acceptor,
}

#[derive(Default)]
struct Room {
    members: Vec<Member>,
    /// The defect of the next delivery to the member with this number.
    once: Option<(Defect, usize)>,
    repeated: Option<Repeated>,
}

/// A defect of every `every`th delivery, to whichever member it goes.
#[derive(Clone, Copy)]
struct Repeated {
    defect: Defect,
    every: u64,
    deliveries: u64,
    applied: u64,
}

struct Member {
    /// The member's number in the order of connects.
    number: usize,
    stream: TcpStream,
    /// A delivery that waits for a later one: its sender's name, and the pair.
    held_back: Option<(Bytes, Bytes)>,
}

impl FakeServer {
    /// Starts a server on a free port of the loopback address.
    pub fn start() -> Self {
        let room = Arc::new(Mutex::new(Room::default()));
        let shared = Arc::clone(&room);
        let acceptor = Acceptor::start(move |number, stream| read_loop(number, stream, &shared));
        Self { addr: acceptor.addr, room, _acceptor: acceptor }
    }

    /// Applies a defect to the next delivery to this member, which is numbered in the order of
    /// connects.
    pub fn spoil_next(&self, defect: Defect, member: usize) {
        self.room.lock().unwrap().once = Some((defect, member));
    }

    /// Applies a defect to every `every`th delivery from here on.
    pub fn spoil_every(&self, defect: Defect, every: u64) {
        let repeated = Repeated { defect, every, deliveries: 0, applied: 0 };
        self.room.lock().unwrap().repeated = Some(repeated);
    }

    /// Applies no defect any more. Returns to how many deliveries
    /// [`spoil_every`](Self::spoil_every) did.
    ///
    /// # Panics
    ///
    /// `spoil_every` was not called.
    pub fn stop_spoiling(&self) -> u64 {
        let mut room = self.room.lock().unwrap();
        let repeated = room.repeated.as_mut().expect("spoil_every was called");
        repeated.every = u64::MAX;
        repeated.applied
    }
}

fn read_loop(number: usize, mut stream: TcpStream, room: &Mutex<Room>) {
    let mut frames = Decoder::new(1 << 20);
    let mut buffer = [0; 4096];
    let mut name = None;
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        frames.feed(&buffer[..count]);
        let mut room = room.lock().unwrap();
        while let Ok(Some(frame)) = frames.next_frame() {
            if let Some(name) = &name {
                room.relay(number, name, &frame);
            } else {
                name = Some(frame);
                let stream = stream.try_clone().unwrap();
                room.members.push(Member { number, stream, held_back: None });
            }
        }
    }
    room.lock().unwrap().members.retain(|member| member.number != number);
    // This fails if the connection is closed already.
    stream.shutdown(Shutdown::Both).ok();
}

impl Room {
    fn relay(&mut self, from: usize, name: &Bytes, text: &[u8]) {
        let pair = pair(name, text);
        for member in self.members.iter_mut().filter(|member| member.number != from) {
            if let Some(repeated) = &mut self.repeated {
                repeated.deliver(member, name, &pair);
                continue;
            }
            let is_victim = self.once.is_some_and(|(_, victim)| victim == member.number);
            let once = if is_victim { self.once.take() } else { None };
            match once {
                Some((defect, victim)) => {
                    self.once = member.spoil(defect, name, &pair).map(|next| (next, victim));
                }
                None => member.deliver(&pair),
            }
        }
    }
}

impl Repeated {
    /// Delivers correctly, or with the defect. A delivery held back comes after the next one of the
    /// same speaker.
    fn deliver(&mut self, member: &mut Member, name: &Bytes, pair: &Bytes) {
        self.deliveries += 1;
        if let Some((_, held)) = member.held_back.take_if(|(speaker, _)| speaker == name) {
            member.deliver(&[&pair[..], &held[..]].concat());
        } else if self.deliveries.is_multiple_of(self.every) && member.held_back.is_none() {
            self.applied += 1;
            member.spoil(self.defect, name, pair);
        } else {
            member.deliver(pair);
        }
    }
}

impl Member {
    /// Delivers with a defect. Returns the defect of the next delivery, if there is one.
    fn spoil(&mut self, defect: Defect, name: &Bytes, pair: &Bytes) -> Option<Defect> {
        match defect {
            Defect::Drop => {}
            Defect::Delay(time) => {
                thread::sleep(time);
                self.deliver(pair);
            }
            Defect::Double => self.deliver(&[&pair[..], &pair[..]].concat()),
            Defect::Change { byte } => {
                let mut changed = pair.to_vec();
                changed[byte] ^= 1;
                self.deliver(&changed);
            }
            Defect::Close => self.stream.shutdown(Shutdown::Both).unwrap(),
            Defect::Swap | Defect::SwapSpeakers | Defect::SwapSpeakersThenDrop => {
                return self.swap(defect, name, pair);
            }
        }
        None
    }

    fn swap(&mut self, defect: Defect, name: &Bytes, pair: &Bytes) -> Option<Defect> {
        let Some((earlier, held)) = self.held_back.take() else {
            self.held_back = Some((name.clone(), pair.clone()));
            return Some(defect);
        };
        if defect != Defect::Swap && earlier == *name {
            // Two messages of one speaker must stay in order: the later one is held back now.
            self.deliver(&held);
            self.held_back = Some((name.clone(), pair.clone()));
            return Some(defect);
        }
        self.deliver(&[&pair[..], &held[..]].concat());
        (defect == Defect::SwapSpeakersThenDrop).then_some(Defect::Drop)
    }

    fn deliver(&mut self, bytes: &[u8]) {
        // The thread that reads from a member notices that it has left.
        self.stream.write_all(bytes).ok();
    }
}
