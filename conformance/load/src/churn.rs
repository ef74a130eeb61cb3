//! Churn: visitors that join, send one message to a witness, and leave.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::connect::{Role, connect, fresh_number};
use super::error::{LoadError, Violation};
use super::stream::{self, MESSAGE_BYTES_MIN, Stamp, StreamChecker};
use super::tracker::{histogram, nanos};
use crate::wire::{Dialect, split_pair};

/// A witness in the room, and the number of the next visitor.
///
/// [`join`](Self::join) comes first, then [`run`](Self::run) any number of times. After an error it
/// is of no more use.
#[derive(Debug)]
pub struct Churn {
    addr: SocketAddr,
    number: u32,
    witness: TcpStream,
    /// Bytes that the witness received and that are no whole pair yet.
    carry: Vec<u8>,
    /// Number of the next message, which is also that of its visitor.
    next: u64,
    /// The witness's check: all visitors together count as one speaker.
    checker: StreamChecker,
}

/// How long visits took.
#[derive(Clone, Debug)]
pub struct ChurnTimes {
    /// All visits together.
    pub elapsed: Duration,
    /// One visit, from before its connect until the server closed the connection, in nanoseconds.
    pub each: Histogram<u64>,
}

impl Churn {
    /// Connects a witness and waits until it receives what others send.
    ///
    /// # Errors
    ///
    /// A connection fails, or the witness receives nothing, or something wrong.
    pub fn join(addr: SocketAddr) -> Result<Self, LoadError> {
        let number = fresh_number();
        let failed = || LoadError::io(format!("joining {addr} as the witness"));
        let witness = connect(addr, Dialect::Chat, &format!("witness-{number}"), Role::Speaker)
            .map_err(failed())?;
        witness.set_read_timeout(Some(TOKEN_PERIOD)).map_err(failed())?;
        let (carry, checker) = (Vec::new(), StreamChecker::new(1));
        let mut churn = Self { addr, number, witness, carry, next: 0, checker };
        churn.await_token()?;
        churn.witness.set_read_timeout(Some(STALL)).map_err(failed())?;
        Ok(churn)
    }

    /// Lets `visitors` join and leave, one after the other, and returns how long that took.
    ///
    /// # Errors
    ///
    /// A visitor cannot connect, its message does not reach the witness exactly once, it receives
    /// something itself, or the server does not close its connection after its EOF.
    pub fn run(&mut self, visitors: u64) -> Result<ChurnTimes, LoadError> {
        let (start, mut each) = (Instant::now(), histogram());
        for _ in 0..visitors {
            let (number, began) = (self.next, Instant::now());
            let mut visitor = self.connect_visitor(number)?;
            self.send(&mut visitor)?;
            self.expect(number)?;
            leave(&mut visitor).map_err(LoadError::io(format!("leaving as visitor {number}")))?;
            each.saturating_record(nanos(began.elapsed()));
        }
        Ok(ChurnTimes { elapsed: start.elapsed(), each })
    }

    /// The join barrier: one visitor repeats a message until the witness receives it.
    fn await_token(&mut self) -> Result<(), LoadError> {
        let mut visitor = self.connect_visitor(0)?;
        let start = Instant::now();
        while start.elapsed() < STALL {
            self.send(&mut visitor)?;
            if self.receive(0)? {
                while self.checker.next(0) != Some(self.next) {
                    self.expect(0)?;
                }
                return Ok(());
            }
        }
        Err(self.stalled(0))
    }

    fn connect_visitor(&self, number: u64) -> Result<TcpStream, LoadError> {
        let failed = || LoadError::io(format!("joining {} as visitor {number}", self.addr));
        let visitor = connect(self.addr, Dialect::Chat, &self.name(number), Role::Speaker)
            .map_err(failed())?;
        visitor.set_read_timeout(Some(STALL)).map_err(failed())?;
        Ok(visitor)
    }

    fn send(&mut self, visitor: &mut TcpStream) -> Result<(), LoadError> {
        let mut frame = protocol::header(MESSAGE_BYTES_MIN).to_vec();
        let stamp = Stamp { speaker: 0, sequence: self.next };
        stream::append(stamp, MESSAGE_BYTES_MIN, &mut frame);
        self.next += 1;
        visitor.write_all(&frame).map_err(LoadError::io("sending as a visitor"))
    }

    /// Waits until the witness receives the next message, which must be of visitor `number`.
    fn expect(&mut self, number: u64) -> Result<(), LoadError> {
        if self.receive(number)? { Ok(()) } else { Err(self.stalled(number)) }
    }

    /// Waits for the next message of visitor `number`, and checks it; whether one came within the
    /// read timeout.
    fn receive(&mut self, number: u64) -> Result<bool, LoadError> {
        let name = self.name(number);
        let mut buffer = [0; 4096];
        loop {
            if self.check(&name).map_err(LoadError::violation("the witness"))? {
                return Ok(true);
            }
            match self.witness.read(&mut buffer) {
                Ok(0) => return Err(self.closed(number)),
                Ok(count) => self.carry.extend_from_slice(&buffer[..count]),
                Err(error) if is_timeout(&error) => return Ok(false),
                Err(error) => return Err(LoadError::io("reading as the witness")(error)),
            }
        }
    }

    /// Checks the first message received, if it is whole; whether it was.
    fn check(&mut self, name: &str) -> Result<bool, Violation> {
        let pair = split_pair(&self.carry, PAYLOAD_LIMIT);
        let pair = pair.map_err(|error| Violation::Frame(error.into()))?;
        let Some((pair, rest)) = pair else { return Ok(false) };
        let stamp = stream::parse(pair.text)?;
        if pair.sender != name.as_bytes() || stamp.speaker != 0 {
            return Err(Violation::sender(stamp.speaker, pair.sender));
        }
        self.checker.check(stamp)?;
        let taken = self.carry.len() - rest.len();
        self.carry.drain(..taken);
        Ok(true)
    }

    fn name(&self, number: u64) -> String {
        format!("visitor-{}-{number}", self.number)
    }

    fn stalled(&self, number: u64) -> LoadError {
        let (member, missing) = self.missing(number);
        LoadError::Stalled { member, missing, waited: STALL }
    }

    fn closed(&self, number: u64) -> LoadError {
        let (member, missing) = self.missing(number);
        LoadError::Closed { member, missing }
    }

    fn missing(&self, number: u64) -> (String, String) {
        let next = self.checker.next(0).unwrap_or(0);
        ("the witness".into(), format!("message {next} of {}", self.name(number)))
    }
}

/// Half-closes the visitor's connection and waits for the server's EOF, with no byte before it.
fn leave(visitor: &mut TcpStream) -> io::Result<()> {
    visitor.shutdown(Shutdown::Write)?;
    match visitor.read(&mut [0; 64])? {
        0 => Ok(()),
        _ => Err(io::Error::other("it received something although no other client sent anything")),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// Between two messages of the join barrier.
const TOKEN_PERIOD: Duration = Duration::from_millis(20);
/// What does not come within this time is missing.
const STALL: Duration = Duration::from_secs(10);
/// Longer than any name or message here.
const PAYLOAD_LIMIT: usize = 1024;
