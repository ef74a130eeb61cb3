//! Churn: visitors that come, say one thing, are heard by a witness, and leave.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::connect::{Role, connect, fresh_number};
use super::error::{LoadError, Violation};
use super::stream::{self, MESSAGE_BYTES_MIN, Stamp};
use super::tracker::{histogram, nanos};
use crate::wire::Dialect;
use crate::wire::split_pair;

/// A witness in the room, and the number of the next visitor.
#[derive(Debug)]
pub struct Churn {
    addr: SocketAddr,
    number: u32,
    witness: TcpStream,
    /// Received by the witness, and not yet a whole pair.
    heard: Vec<u8>,
    /// What the next visitor says carries this number.
    next: u64,
}

/// How long visits took.
#[derive(Clone, Debug)]
pub struct ChurnTimes {
    /// All of them.
    pub elapsed: Duration,
    /// Each, from before it connected until it was let go, in nanoseconds.
    pub each: Histogram<u64>,
}

impl Churn {
    /// Puts a witness into the room and waits until it is known to hear others.
    ///
    /// # Errors
    ///
    /// A connection fails, or the witness hears nothing, or something wrong.
    pub fn join(addr: SocketAddr) -> Result<Self, LoadError> {
        let number = fresh_number();
        let failed = || LoadError::io(format!("joining {addr} as the witness"));
        let witness = connect(addr, Dialect::Chat, &format!("witness-{number}"), Role::Speaker)
            .map_err(failed())?;
        witness.set_read_timeout(Some(TOKEN_PACE)).map_err(failed())?;
        let mut churn = Self { addr, number, witness, heard: Vec::new(), next: 0 };
        churn.admit()?;
        churn.witness.set_read_timeout(Some(STALL)).map_err(failed())?;
        Ok(churn)
    }

    /// Lets `visitors` come and leave, one after the other, and tells how long that took.
    ///
    /// # Errors
    ///
    /// A visitor cannot connect, is not heard exactly once, hears something itself, or is not let go
    /// after its end of the stream.
    pub fn run(&mut self, visitors: u64) -> Result<ChurnTimes, LoadError> {
        let (start, mut each) = (Instant::now(), histogram());
        for _ in 0..visitors {
            let (number, came) = (self.next, Instant::now());
            let mut visitor = self.enter(number)?;
            self.speak(&mut visitor)?;
            self.expect(number, number)?;
            leave(&mut visitor).map_err(LoadError::io(format!("leaving as visitor {number}")))?;
            each.saturating_record(nanos(came.elapsed()));
        }
        Ok(ChurnTimes { elapsed: start.elapsed(), each })
    }

    /// The join barrier: one visitor repeats itself until the witness hears it.
    fn admit(&mut self) -> Result<(), LoadError> {
        let mut visitor = self.enter(0)?;
        let start = Instant::now();
        while start.elapsed() < STALL {
            self.speak(&mut visitor)?;
            if let Some(first) = self.hear(0)? {
                for sequence in first + 1..self.next {
                    self.expect(0, sequence)?;
                }
                return Ok(());
            }
        }
        Err(self.stalled(0, 0))
    }

    fn enter(&self, number: u64) -> Result<TcpStream, LoadError> {
        let failed = || LoadError::io(format!("joining {} as visitor {number}", self.addr));
        let visitor = connect(self.addr, Dialect::Chat, &self.name(number), Role::Speaker)
            .map_err(failed())?;
        visitor.set_read_timeout(Some(STALL)).map_err(failed())?;
        Ok(visitor)
    }

    fn speak(&mut self, visitor: &mut TcpStream) -> Result<(), LoadError> {
        let mut frame = protocol::header(MESSAGE_BYTES_MIN).to_vec();
        let stamp = Stamp { speaker: 0, sequence: self.next };
        stream::append(stamp, MESSAGE_BYTES_MIN, &mut frame);
        self.next += 1;
        visitor.write_all(&frame).map_err(LoadError::io("speaking as a visitor"))
    }

    /// Waits until the witness hears message `sequence`, from visitor `number` and nothing before it.
    fn expect(&mut self, number: u64, sequence: u64) -> Result<(), LoadError> {
        match self.hear(number)? {
            Some(got) if got == sequence => Ok(()),
            Some(got) => {
                let fault = Violation::Sequence { speaker: 0, expected: sequence, got };
                Err(LoadError::violation("the witness")(fault))
            }
            None => Err(self.stalled(number, sequence)),
        }
    }

    /// The number of the next message heard, which has to be of visitor `number`; `None` if none
    /// comes within the read timeout.
    fn hear(&mut self, number: u64) -> Result<Option<u64>, LoadError> {
        let name = self.name(number);
        let mut buffer = [0; 4096];
        loop {
            if let Some(sequence) = self.take(&name).map_err(LoadError::violation("the witness"))? {
                return Ok(Some(sequence));
            }
            match self.witness.read(&mut buffer) {
                Ok(0) => return Err(self.cut_off(number)),
                Ok(count) => self.heard.extend_from_slice(&buffer[..count]),
                Err(error) if is_timeout(&error) => return Ok(None),
                Err(error) => return Err(LoadError::io("reading as the witness")(error)),
            }
        }
    }

    fn take(&mut self, name: &str) -> Result<Option<u64>, Violation> {
        let pair = split_pair(&self.heard, PAYLOAD_LIMIT);
        let pair = pair.map_err(|error| Violation::Frame(error.into()))?;
        let Some((pair, rest)) = pair else { return Ok(None) };
        let stamp = stream::parse(pair.text)?;
        if pair.sender != name.as_bytes() {
            let sender = pair.sender.escape_ascii().to_string();
            return Err(Violation::Sender { speaker: stamp.speaker, sender });
        }
        let taken = self.heard.len() - rest.len();
        self.heard.drain(..taken);
        Ok(Some(stamp.sequence))
    }

    fn name(&self, number: u64) -> String {
        format!("visitor-{}-{number}", self.number)
    }

    fn stalled(&self, number: u64, sequence: u64) -> LoadError {
        let missing = format!("message {sequence} of {}", self.name(number));
        LoadError::Stalled { member: "the witness".into(), missing, waited: STALL }
    }

    fn cut_off(&self, number: u64) -> LoadError {
        let missing = self.name(number);
        LoadError::CutOff { member: "the witness".into(), missing }
    }
}

/// Ends the visitor's stream and waits for the server to end its own, with nothing in it.
fn leave(visitor: &mut TcpStream) -> io::Result<()> {
    visitor.shutdown(Shutdown::Write)?;
    match visitor.read(&mut [0; 64])? {
        0 => Ok(()),
        _ => Err(io::Error::other("it heard something although nobody else spoke")),
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

const TOKEN_PACE: Duration = Duration::from_millis(20);
const STALL: Duration = Duration::from_secs(10);
/// Longer than any name or message here.
const PAYLOAD_LIMIT: usize = 1024;
