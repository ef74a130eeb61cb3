//! Budget: what hostile clients share and may use up: connections, floods, names, chance.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::{Duration, Instant};

use load::{ReceiveBuffer, connect_nonblocking};
use protocol::{HEADER_LEN, header, pair_len};

use super::kind::FloodMessage;
use crate::support::token::mixed;

/// How much a hostile crowd may do in a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// Connections that come.
    pub(super) connections: u32,
    /// Bytes that its floods put into the room.
    pub(super) flood_bytes: u64,
    /// Bytes of the largest message accepted.
    pub(super) max_message: usize,
}

/// What hostile clients share.
#[derive(Debug)]
pub(super) struct Budget {
    /// The time of this turn.
    pub(super) now: Instant,
    /// Whatever is heard goes here and is forgotten.
    pub(super) buffer: Box<[u8]>,
    addr: SocketAddr,
    rates: Rates,
    /// May still be used in this turn: connections, and bytes of floods. What a frame takes beyond it is
    /// taken from the turns to come.
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

    /// Goes on to another turn, with what the time since the last one allows.
    pub(super) fn refill(&mut self, now: Instant) {
        let seconds = (now - self.now).min(ACCRUED_AT_MOST).as_secs_f64();
        self.now = now;
        let connections = f64::from(self.rates.connections);
        self.connections = (self.connections + seconds * connections).min(CONNECTIONS_AT_ONCE);
        self.flood_bytes += seconds * float(self.rates.flood_bytes);
        self.flood_bytes = self.flood_bytes.min(float(self.rates.flood_bytes) / 4.0);
    }

    /// Whether one more may connect now; it counts as having done so.
    pub(super) fn take_connection(&mut self) -> bool {
        let may = self.connections >= 1.0;
        self.connections -= f64::from(u8::from(may));
        may
    }

    pub(super) fn connect(&mut self, line: ReceiveBuffer) -> io::Result<TcpStream> {
        connect_nonblocking(self.addr, line)
    }

    /// What a flooding client sends next; `None` if the floods have had their share.
    pub(super) fn flood(&mut self, flood: FloodMessage) -> Option<Rc<[u8]>> {
        if self.flood_bytes < 0.0 {
            return None;
        }
        let (frames, bytes) = match flood {
            FloodMessage::Empty => (EMPTIES_AT_ONCE, &self.empties),
            FloodMessage::Largest => (1, &self.large),
        };
        let payload = bytes.len() - frames * HEADER_LEN;
        let pair = pair_len(name_of(0).as_bytes(), &[]).max(PAIR_COST);
        let said = frames * pair + payload;
        self.flood_bytes -= float(said as u64);
        Some(Rc::clone(bytes))
    }

    /// A name that nobody had before.
    pub(super) fn name(&mut self) -> String {
        self.names += 1;
        name_of(self.names)
    }

    pub(super) fn max_message(&self) -> usize {
        self.rates.max_message
    }

    /// A number under `end`, or 0.
    pub(super) fn random_below(&mut self, end: usize) -> usize {
        self.seed = mixed(self.seed);
        usize::try_from(self.seed % (end.max(1) as u64)).expect("it is below another one")
    }

    /// A time up to this one.
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

/// To check a pair costs a client about as much as to read so many bytes.
const PAIR_COST: usize = 128;
const READ_BYTES: usize = 64 * 1024;
const EMPTIES_AT_ONCE: usize = 40;
/// A turn that comes late has no more to spend than this, so that a stall makes no burst.
const ACCRUED_AT_MOST: Duration = Duration::from_millis(100);
const CONNECTIONS_AT_ONCE: f64 = 100.0;
