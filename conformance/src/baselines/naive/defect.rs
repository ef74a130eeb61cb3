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
pub(crate) enum Trouble {
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
pub(crate) fn serve(listener: &TcpListener, trouble: Trouble) -> io::Result<()> {
    let hall = Hall { seats: BTreeMap::new(), trouble, deliveries: 0 };
    let hall = Arc::new(Mutex::new(hall));
    for_each_client(listener, move |number, stream| talk(&hall, number, stream))
}

/// The room, and how many deliveries there have been in it.
struct Hall {
    seats: BTreeMap<u64, Seat>,
    trouble: Trouble,
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

fn talk(hall: &Arc<Mutex<Hall>>, number: u64, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut frames = Frames::of(stream.try_clone()?);
    let Some(name) = frames.next()? else { return Ok(()) };
    lock(hall).seats.insert(number, Seat { stream, swapped: None, late: None });
    while let Ok(Some(text)) = frames.next() {
        let pair = pair(&name, &text);
        let delayed = lock(hall).relay(number, &pair);
        for number in delayed {
            let hall = Arc::clone(hall);
            thread::Builder::new().spawn(move || {
                hold_back(DELAY);
                lock(&hall).release(number);
            })?;
        }
    }
    lock(hall).seats.remove(&number);
    Ok(())
}

/// What a server does that keeps something for too long: nothing, for this time.
fn hold_back(time: Duration) {
    thread::sleep(time);
}

impl Hall {
    /// Delivers to all others; returns who is held back from here on.
    fn relay(&mut self, from: u64, pair: &Bytes) -> Vec<u64> {
        let mut delayed = Vec::new();
        let every = if self.trouble == Trouble::Delay { DELAYED_EVERY } else { WRONG_EVERY };
        for (number, seat) in self.seats.iter_mut().filter(|(number, _)| **number != from) {
            self.deliveries += 1;
            if !self.deliveries.is_multiple_of(every) {
                seat.deliver(pair);
                continue;
            }
            match self.trouble {
                Trouble::Drop => {}
                Trouble::Double => [pair, pair].into_iter().for_each(|pair| seat.deliver(pair)),
                Trouble::Swap => seat.swapped = Some(pair.clone()),
                Trouble::Delay if seat.late.is_some() => seat.deliver(pair),
                Trouble::Delay => {
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

fn lock(hall: &Mutex<Hall>) -> MutexGuard<'_, Hall> {
    hall.lock().unwrap_or_else(PoisonError::into_inner)
}

const WRONG_EVERY: u64 = 500;
const DELAYED_EVERY: u64 = 1000;
const DELAY: Duration = Duration::from_millis(50);
