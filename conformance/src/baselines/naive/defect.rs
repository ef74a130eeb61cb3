//! Defect: the server of [`send`](super::send) with a defect, to test what must notice it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use protocol::pair;

use super::for_each_client;
use super::frames::Frames;

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Defect {
    /// One delivery in 500 does not come.
    Drop,
    /// One delivery in 500 comes twice.
    Double,
    /// One delivery in 500 comes after the next one.
    Swap,
    /// One delivery in 1000 comes 50 ms late, and so do those after it.
    Delay,
}

/// Serves the clients of `listener`, a thread for each, with this defect.
///
/// # Errors
///
/// Accept fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener, defect: Defect) -> io::Result<()> {
    let room = Room { members: BTreeMap::new(), defect, deliveries: 0 };
    let room = Arc::new(Mutex::new(room));
    for_each_client(listener, move |number, stream| read_loop(&room, number, stream))
}

/// The members, and how many deliveries there were.
struct Room {
    members: BTreeMap<u64, Member>,
    defect: Defect,
    deliveries: u64,
}

/// A member, and its deliveries that are kept back.
struct Member {
    stream: TcpStream,
    /// The delivery to send after the next one.
    swapped: Option<Bytes>,
    /// The deliveries that wait for the end of a delay; `None` if there is no delay.
    late: Option<Vec<u8>>,
}

fn read_loop(room: &Arc<Mutex<Room>>, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frames = Frames::of(stream.try_clone()?);
    let Some(name) = frames.next()? else { return Ok(()) };
    lock(room).members.insert(number, Member { stream, swapped: None, late: None });
    while let Ok(Some(text)) = frames.next() {
        let pair = pair(&name, &text);
        let delayed = lock(room).relay(number, &pair);
        for number in delayed {
            let room = Arc::clone(room);
            thread::Builder::new().spawn(move || {
                thread::sleep(DELAY);
                lock(&room).release(number);
            })?;
        }
    }
    lock(room).members.remove(&number);
    Ok(())
}

impl Room {
    /// Delivers to all others; returns the members whose delay begins now.
    fn relay(&mut self, from: u64, pair: &Bytes) -> Vec<u64> {
        let mut delayed = Vec::new();
        let every = if self.defect == Defect::Delay { DELAYED_EVERY } else { WRONG_EVERY };
        for (number, member) in self.members.iter_mut().filter(|(number, _)| **number != from) {
            self.deliveries += 1;
            if !self.deliveries.is_multiple_of(every) {
                member.deliver(pair);
                continue;
            }
            match self.defect {
                Defect::Drop => {}
                Defect::Double => [pair, pair].into_iter().for_each(|pair| member.deliver(pair)),
                Defect::Swap => member.swapped = Some(pair.clone()),
                Defect::Delay if member.late.is_some() => member.deliver(pair),
                Defect::Delay => {
                    member.late = Some(pair.to_vec());
                    delayed.push(*number);
                }
            }
        }
        delayed
    }

    fn release(&mut self, number: u64) {
        let Some(member) = self.members.get_mut(&number) else { return };
        if let Some(late) = member.late.take() {
            member.write(&late);
        }
    }
}

impl Member {
    fn deliver(&mut self, pair: &Bytes) {
        match &mut self.late {
            Some(late) => late.extend_from_slice(pair),
            None => self.write(pair),
        }
        if let Some(swapped) = self.swapped.take() {
            self.write(&swapped);
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        // The thread of that member notices that it has left.
        self.stream.write_all(bytes).ok();
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

const WRONG_EVERY: u64 = 500;
const DELAYED_EVERY: u64 = 1000;
const DELAY: Duration = Duration::from_millis(50);
