//! Workloads of a crowd: saturating fan-out and ping-pong.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::crowd::Crowd;
use super::error::LoadError;
use super::tracker::{histogram, nanos};

/// A saturating load: as much is said as the bound on messages in flight allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FanOut {
    /// When to stop.
    pub extent: Extent,
    /// The most messages that any one member may have still to hear.
    pub in_flight: u64,
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So many messages by all speakers together.
    Messages(u64),
    /// As many messages as are said in this time.
    Lasting(Duration),
}

impl Extent {
    fn left(self, said: u64, elapsed: Duration) -> u64 {
        match self {
            Self::Messages(count) => count - said,
            Self::Lasting(time) if elapsed < time => u64::MAX,
            Self::Lasting(_) => 0,
        }
    }
}

/// What was counted, every delivery of it checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Messages said.
    pub messages: u64,
    /// Messages heard: each by everybody but its speaker.
    pub deliveries: u64,
    /// From before the first was said until the last was heard by all.
    pub elapsed: Duration,
    /// Listeners that heard another order than whoever heard it first: none, if the server keeps one
    /// order for all.
    pub strayed: usize,
}

/// What a game of ping-pong found.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// What was said and heard.
    pub tally: Tally,
    /// From the first word of a round until its answer was heard, in nanoseconds.
    pub round_trips: Histogram<u64>,
}

impl Crowd {
    /// Has the speakers say as much as `plan` allows, and returns when everybody has heard all of it.
    ///
    /// # Errors
    ///
    /// A delivery is missing, doubled, damaged or out of its speaker's order; or a connection fails.
    ///
    /// # Panics
    ///
    /// Nothing may be in flight.
    pub fn fan_out(&mut self, plan: FanOut) -> Result<Tally, LoadError> {
        assert!(plan.in_flight > 0, "nothing may be in flight");
        self.table.follow_reference();
        let (start, first) = (Instant::now(), self.table.said());
        loop {
            let lag = self.table.lag().expect("whoever has joined has heard every speaker");
            let left = plan.extent.left(self.table.said() - first, start.elapsed());
            if left == 0 && lag == 0 {
                return Ok(self.tally(start, first));
            }
            self.table.say(left.min(plan.in_flight.saturating_sub(lag)))?;
            self.turn()?;
        }
    }

    /// Has two speakers answer each other `rounds` times, one message in flight: service time. Where
    /// speakers do not hear, whoever listens hears in their place.
    ///
    /// # Errors
    ///
    /// As [`fan_out`](Self::fan_out).
    ///
    /// # Panics
    ///
    /// The crowd has other than two speakers, or nobody hears them.
    pub fn ping_pong(&mut self, rounds: u64) -> Result<Rounds, LoadError> {
        assert_eq!(self.table.speakers(), 2, "two play ping-pong");
        assert!(self.table.hearers() > 0, "somebody has to hear it");
        self.table.follow_reference();
        let (start, first) = (Instant::now(), self.table.said());
        let mut round_trips = histogram();
        for _ in 0..rounds {
            let served = Instant::now();
            for speaker in 0..2 {
                self.table.say_as(speaker, 1)?;
                self.settle()?;
            }
            round_trips.saturating_record(nanos(served.elapsed()));
        }
        Ok(Rounds { tally: self.tally(start, first), round_trips })
    }

    pub(super) fn tally(&self, start: Instant, first: u64) -> Tally {
        let messages = self.table.said() - first;
        let deliveries = messages * u64::from(self.table.hearers());
        let strayed = self.table.strayed();
        Tally { messages, deliveries, elapsed: start.elapsed(), strayed }
    }
}
