//! Fake: a naive server, one thread per client, that plays one trick on one member when told to.
//!
//! For tests, of this crate and of others (feature `fake`).

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

/// What happens to a delivery. `Swap` and its kin hold one back until the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// It does not come.
    Drop,
    /// It comes later, and so does all that the server would have done meanwhile.
    Delay(Duration),
    /// It comes twice.
    Double,
    /// It comes after the next one.
    Swap,
    /// One byte of it differs.
    Change {
        /// Which, from 0.
        byte: usize,
    },
    /// The connection is closed instead.
    HangUp,
    /// It comes after the next one of another speaker.
    SwapSpeakers,
    /// The same, and the one after that does not come.
    SwapSpeakersThenDrop,
}

/// A running fake server. Dropping it ends it; its members' threads end with their connections.
pub struct FakeServer {
    /// Where it listens.
    pub addr: SocketAddr,
    room: Arc<Mutex<Room>>,
    /// Ends with it.
    _acceptor: Acceptor,
}

#[derive(Default)]
struct Room {
    members: Vec<Seat>,
    plot: Option<(Defect, usize)>,
    habit: Option<Habit>,
}

/// A trick that is played on every so manieth delivery, whoever gets it.
#[derive(Clone, Copy)]
struct Habit {
    trick: Defect,
    every: u64,
    deliveries: u64,
    played: u64,
}

struct Seat {
    /// The server's number for it: the how manieth it was to connect.
    number: usize,
    stream: TcpStream,
    held_back: Option<(Bytes, Bytes)>,
}

impl FakeServer {
    /// Starts one on a free port of the loopback address.
    pub fn start() -> Self {
        let room = Arc::new(Mutex::new(Room::default()));
        let shared = Arc::clone(&room);
        let acceptor = Acceptor::start(move |number, stream| read_loop(number, stream, &shared));
        Self { addr: acceptor.addr, room, _acceptor: acceptor }
    }

    /// Has the next delivery to this member tampered with.
    pub fn arm(&self, trick: Defect, victim: usize) {
        self.room.lock().unwrap().plot = Some((trick, victim));
    }

    /// Has every so manieth delivery tampered with from here on.
    pub fn haunt(&self, trick: Defect, every: u64) {
        self.room.lock().unwrap().habit = Some(Habit { trick, every, deliveries: 0, played: 0 });
    }

    /// Plays no trick any more; tells how many there were.
    pub fn repent(&self) -> u64 {
        let mut room = self.room.lock().unwrap();
        let habit = room.habit.as_mut().expect("it had a habit");
        habit.every = u64::MAX;
        habit.played
    }
}

/// What a server does that keeps something for too long: nothing, for this time.
fn hold_back(time: Duration) {
    thread::sleep(time);
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
                room.members.push(Seat { number, stream, held_back: None });
            }
        }
    }
    room.lock().unwrap().members.retain(|seat| seat.number != number);
    // The other half may still be held by nobody: the peer gets its end in any case.
    stream.shutdown(Shutdown::Both).ok();
}

impl Room {
    fn relay(&mut self, from: usize, name: &Bytes, text: &[u8]) {
        let pair = pair(name, text);
        for seat in self.members.iter_mut().filter(|seat| seat.number != from) {
            if let Some(habit) = &mut self.habit {
                habit.deliver(seat, name, &pair);
                continue;
            }
            let is_victim = self.plot.is_some_and(|(_, victim)| victim == seat.number);
            let trick = if is_victim { self.plot.take() } else { None };
            match trick {
                Some((trick, victim)) => {
                    self.plot = seat.tamper(trick, name, &pair).map(|next| (next, victim));
                }
                None => seat.deliver(&pair),
            }
        }
    }
}

impl Habit {
    /// Delivers as it should be, or not. What was held back comes behind the next of the same speaker.
    fn deliver(&mut self, seat: &mut Seat, name: &Bytes, pair: &Bytes) {
        self.deliveries += 1;
        if let Some((_, held)) = seat.held_back.take_if(|(speaker, _)| speaker == name) {
            seat.deliver(&[&pair[..], &held[..]].concat());
        } else if self.deliveries.is_multiple_of(self.every) && seat.held_back.is_none() {
            self.played += 1;
            seat.tamper(self.trick, name, pair);
        } else {
            seat.deliver(pair);
        }
    }
}

impl Seat {
    /// Delivers in a wrong way; returns the trick to play on the next delivery, if there is one.
    fn tamper(&mut self, trick: Defect, name: &Bytes, pair: &Bytes) -> Option<Defect> {
        match trick {
            Defect::Drop => return None,
            Defect::Delay(time) => {
                hold_back(time);
                self.deliver(pair);
            }
            Defect::Double => self.deliver(&[&pair[..], &pair[..]].concat()),
            Defect::Change { byte } => {
                let mut changed = pair.to_vec();
                changed[byte] ^= 1;
                self.deliver(&changed);
            }
            Defect::HangUp => self.stream.shutdown(Shutdown::Both).unwrap(),
            Defect::Swap | Defect::SwapSpeakers | Defect::SwapSpeakersThenDrop => {
                return self.swap(trick, name, pair);
            }
        }
        None
    }

    fn swap(&mut self, trick: Defect, name: &Bytes, pair: &Bytes) -> Option<Defect> {
        let Some((earlier, held)) = self.held_back.take() else {
            self.held_back = Some((name.clone(), pair.clone()));
            return Some(trick);
        };
        if trick != Defect::Swap && earlier == *name {
            // Two of one speaker must stay in order: the later one is held back now.
            self.deliver(&held);
            self.held_back = Some((name.clone(), pair.clone()));
            return Some(trick);
        }
        self.deliver(&[&pair[..], &held[..]].concat());
        (trick == Defect::SwapSpeakersThenDrop).then_some(Defect::Drop)
    }

    fn deliver(&mut self, bytes: &[u8]) {
        // A member that has left is noticed by its reader.
        self.stream.write_all(bytes).ok();
    }
}
