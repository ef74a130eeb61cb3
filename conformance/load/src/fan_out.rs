//! Closed loops of a crowd: saturating fan-out and ping-pong.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::crowd::Crowd;
use super::error::LoadError;
use super::tracker::{histogram, nanos};

/// A saturating load: the speakers send as much as the bound on messages in flight allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOut {
    /// When to stop.
    pub extent: Extent,
    /// The most messages that any one member may not have received yet.
    pub in_flight: u64,
}

/// How much is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// This many messages of all speakers together.
    Messages(u64),
    /// As many messages as can be sent in this time.
    Lasting(Duration),
}

impl Extent {
    fn left(self, sent: u64, elapsed: Duration) -> u64 {
        match self {
            Self::Messages(count) => count - sent,
            Self::Lasting(time) if elapsed < time => u64::MAX,
            Self::Lasting(_) => 0,
        }
    }
}

/// What was counted. Every delivery was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Messages sent.
    pub messages: u64,
    /// Messages received: each by all members but its speaker.
    pub deliveries: u64,
    /// From before the first message was sent until all members had received the last.
    pub elapsed: Duration,
    /// Listeners that received the messages of different speakers in another order than the first
    /// listener did; 0 if the server keeps one order for all.
    pub strayed: usize,
}

/// What a ping-pong measured.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// What was sent and received.
    pub tally: Tally,
    /// From the first message of a round until its answer was received, in nanoseconds.
    pub round_trips: Histogram<u64>,
}

impl Crowd {
    /// Sends as much as `plan` allows, and returns when all members have received all of it.
    ///
    /// # Errors
    ///
    /// A delivery is lost, duplicated, altered or out of its speaker's order; or a connection
    /// fails.
    ///
    /// # Panics
    ///
    /// `in_flight` is 0.
    pub fn fan_out(&mut self, plan: FanOut) -> Result<Tally, LoadError> {
        assert!(plan.in_flight > 0, "no message may be in flight");
        self.table.follow_reference();
        let (start, first) = (Instant::now(), self.table.sent);
        loop {
            let lag = self.table.lag().expect("a joined member has received every speaker");
            let left = plan.extent.left(self.table.sent - first, start.elapsed());
            if left == 0 && lag == 0 {
                return Ok(self.tally(start, first));
            }
            self.table.send(left.min(plan.in_flight.saturating_sub(lag)))?;
            self.turn()?;
        }
    }

    /// Makes two speakers answer each other `rounds` times with one message in flight, which
    /// measures service time. In a dialect whose speakers do not receive, a message is answered
    /// when the listeners have received it.
    ///
    /// # Errors
    ///
    /// As [`fan_out`](Self::fan_out).
    ///
    /// # Panics
    ///
    /// The crowd has not exactly two speakers, or no member receives their messages.
    pub fn ping_pong(&mut self, rounds: u64) -> Result<Rounds, LoadError> {
        assert_eq!(self.table.speakers(), 2, "a ping-pong has two speakers");
        assert!(self.table.receivers() > 0, "no member receives the messages");
        self.table.follow_reference();
        let (start, first) = (Instant::now(), self.table.sent);
        let mut round_trips = histogram();
        for _ in 0..rounds {
            let began = Instant::now();
            for speaker in 0..2 {
                self.table.send_as(speaker, 1)?;
                self.settle()?;
            }
            round_trips.saturating_record(nanos(began.elapsed()));
        }
        Ok(Rounds { tally: self.tally(start, first), round_trips })
    }

    pub(super) fn tally(&self, start: Instant, first: u64) -> Tally {
        let messages = self.table.sent - first;
        let deliveries = messages * u64::from(self.table.receivers());
        let strayed = self.table.strayed();
        Tally { messages, deliveries, elapsed: start.elapsed(), strayed }
    }
}
