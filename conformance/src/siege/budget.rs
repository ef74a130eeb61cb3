//! Budget: what hostile clients share: their allowances, their names and their random numbers.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use load::{ReceiveBuffer, connect_nonblocking};
use protocol::{HEADER_LEN, header, pair_len};

use super::kind::FloodMessage;
use crate::support::token::mixed;

/// How much all hostile clients together may do in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// New connections.
    pub(super) connections: u32,
    /// Bytes that floods put into the room.
    pub(super) flood_bytes: u64,
    /// Bytes of the largest message that the server accepts.
    pub(super) max_message: usize,
}

/// What hostile clients share. The two allowances grow with time and shrink with use.
#[derive(Debug)]
pub(super) struct Budget {
    /// The time of this turn.
    pub(super) now: Instant,
    /// The read buffer of all hostile clients.
    pub(super) buffer: Box<[u8]>,
    addr: SocketAddr,
    rates: Rates,
    /// Connections, and bytes of floods, that may be used in this turn. A frame may take more bytes
    /// than there are; the following turns have fewer then.
    connections: f64,
    flood_bytes: f64,
    empties: Rc<[u8]>,
    large: Rc<[u8]>,
    names: u64,
    seed: u64,
}

impl Budget {
    pub(super) fn new(addr: SocketAddr, rates: Rates, seed: u64, now: Instant) -> Self {
        let mut large = header(rates.max_message).to_vec();
        large.resize(large.len() + rates.max_message, b'#');
        Self {
            now,
            buffer: vec![0; READ_BYTES].into(),
            addr,
            rates,
            connections: 0.0,
            flood_bytes: 0.0,
            empties: header(0).repeat(EMPTIES_AT_ONCE).into(),
            large: large.into(),
            names: 0,
            seed,
        }
    }

    /// Begins another turn and adds the allowances for the time since the last one.
    pub(super) fn refill(&mut self, now: Instant) {
        let seconds = (now - self.now).min(REFILL_MAX).as_secs_f64();
        self.now = now;
        let connections = f64::from(self.rates.connections);
        self.connections = (self.connections + seconds * connections).min(CONNECTIONS_AT_ONCE);
        self.flood_bytes += seconds * float(self.rates.flood_bytes);
        self.flood_bytes = self.flood_bytes.min(float(self.rates.flood_bytes) / 4.0);
    }

    /// Takes one connection from the allowance; whether there was one.
    pub(super) fn take_connection(&mut self) -> bool {
        let may = self.connections >= 1.0;
        self.connections -= f64::from(u8::from(may));
        may
    }

    pub(super) fn connect(&mut self, buffer: ReceiveBuffer) -> io::Result<TcpStream> {
        connect_nonblocking(self.addr, buffer)
    }

    /// The next bytes of a flood, taken from the allowance; `None` if nothing is left of it.
    pub(super) fn take_flood(&mut self, message: FloodMessage) -> Option<Rc<[u8]>> {
        if self.flood_bytes < 0.0 {
            return None;
        }
        let (frames, bytes) = match message {
            FloodMessage::Empty => (EMPTIES_AT_ONCE, &self.empties),
            FloodMessage::Largest => (1, &self.large),
        };
        let payload = bytes.len() - frames * HEADER_LEN;
        let pair = pair_len(name_of(0).as_bytes(), &[]).max(PAIR_COST);
        let cost = frames * pair + payload;
        self.flood_bytes -= float(cost as u64);
        Some(Rc::clone(bytes))
    }

    /// A name that no client had before.
    pub(super) fn fresh_name(&mut self) -> String {
        self.names += 1;
        name_of(self.names)
    }

    pub(super) fn max_message(&self) -> usize {
        self.rates.max_message
    }

    /// A random number below `end`; 0 if `end` is 0.
    pub(super) fn random_below(&mut self, end: usize) -> usize {
        self.seed = mixed(self.seed);
        usize::try_from(self.seed % (end.max(1) as u64)).expect("it is below a usize")
    }

    /// A random time below this one, in whole milliseconds.
    pub(super) fn random_duration(&mut self, time: Duration) -> Duration {
        let millis = usize::try_from(time.as_millis()).unwrap_or(usize::MAX);
        Duration::from_millis(self.random_below(millis) as u64)
    }
}

fn name_of(number: u64) -> String {
    format!("hostile-{number:07}")
}

#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Checking a pair costs a client about as much as reading this many bytes.
const PAIR_COST: usize = 128;
const READ_BYTES: usize = 64 * 1024;
const EMPTIES_AT_ONCE: usize = 40;
/// A turn adds allowances for at most this time, so that no burst follows a stall.
const REFILL_MAX: Duration = Duration::from_millis(100);
const CONNECTIONS_AT_ONCE: f64 = 100.0;
