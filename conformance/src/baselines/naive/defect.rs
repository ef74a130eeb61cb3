//! Fault: the first rung with something wrong every so often, for trying what is meant to notice it.

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

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Defect {
    /// One delivery in 500 does not come.
    Drop,
    /// One delivery in 500 comes twice.
    Double,
    /// One delivery in 500 comes after the next one.
    Swap,
    /// One delivery in 1000 comes 50 ms late, and with it what is behind it.
    Delay,
}

/// Serves the clients of `listener`, a thread for each, with this going wrong.
///
/// # Errors
///
/// Accepting fails, or no thread can be started.
pub(crate) fn serve(listener: &TcpListener, defect: Defect) -> io::Result<()> {
    let room = Room { seats: BTreeMap::new(), defect, deliveries: 0 };
    let room = Arc::new(Mutex::new(room));
    for_each_client(listener, move |number, stream| talk(&room, number, stream))
}

/// The room, and how many deliveries there have been in it.
struct Room {
    seats: BTreeMap<u64, Seat>,
    defect: Defect,
    deliveries: u64,
}

/// A member's connection.
struct Seat {
    stream: TcpStream,
    /// To be sent behind the next one.
    swapped: Option<Bytes>,
    /// While it is being held back: what has to wait.
    late: Option<Vec<u8>>,
}

fn talk(room: &Arc<Mutex<Room>>, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frames = Frames::of(stream.try_clone()?);
    let Some(name) = frames.next()? else { return Ok(()) };
    lock(room).seats.insert(number, Seat { stream, swapped: None, late: None });
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
    lock(room).seats.remove(&number);
    Ok(())
}

impl Room {
    /// Delivers to all others; returns who is held back from here on.
    fn relay(&mut self, from: u64, pair: &Bytes) -> Vec<u64> {
        let mut delayed = Vec::new();
        let every = if self.defect == Defect::Delay { DELAYED_EVERY } else { WRONG_EVERY };
        for (number, seat) in self.seats.iter_mut().filter(|(number, _)| **number != from) {
            self.deliveries += 1;
            if !self.deliveries.is_multiple_of(every) {
                seat.deliver(pair);
                continue;
            }
            match self.defect {
                Defect::Drop => {}
                Defect::Double => [pair, pair].into_iter().for_each(|pair| seat.deliver(pair)),
                Defect::Swap => seat.swapped = Some(pair.clone()),
                Defect::Delay if seat.late.is_some() => seat.deliver(pair),
                Defect::Delay => {
                    seat.late = Some(pair.to_vec());
                    delayed.push(*number);
                }
            }
        }
        delayed
    }

    fn release(&mut self, number: u64) {
        let Some(seat) = self.seats.get_mut(&number) else { return };
        if let Some(late) = seat.late.take() {
            seat.write(&late);
        }
    }
}

impl Seat {
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
        // Who has left is noticed by its own thread.
        self.stream.write_all(bytes).ok();
    }
}

fn lock(room: &Mutex<Room>) -> MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

const WRONG_EVERY: u64 = 500;
const DELAYED_EVERY: u64 = 1000;
const DELAY: Duration = Duration::from_millis(50);
