//! Open loop: messages are sent on a schedule, whatever became of those before.
//!
//! A timer of the kernel wakes the load when a message is due, so waiting costs a system call and
//! no processor time; only the last 10 µs are spent polling. Recording a delivery costs some
//! nanoseconds: with 1000 listeners, on a busy machine, the load took 0.021 µs for each in all, and
//! 0.015 to 0.020 µs where nothing was recorded.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::crowd::Crowd;
use super::error::LoadError;
use super::fan_out::Tally;
use super::table::ConnectionTable;
use super::timer::WakeTimer;
use super::tracker::{Schedule, Tracker};

/// What an open loop measured. The histograms count nanoseconds, up to 60 s, to three digits.
#[derive(Clone, Debug)]
pub struct OpenLoop {
    /// What was sent and received.
    pub tally: Tally,
    /// From when a message was due until a member received it: as many as deliveries.
    pub each: Histogram<u64>,
    /// From when a message was due until the last member received it: as many as messages.
    pub last: Histogram<u64>,
    /// From when a message was due until the load offered it to the kernel: as many as messages. If
    /// the kernel does not take it then, the delay is the server's and not the load's.
    pub late: Histogram<u64>,
}

impl Crowd {
    /// Makes the speakers send in turn on this schedule, and returns when all members have received
    /// everything. A message that is due is sent whether or not those before were received. If the
    /// kernel does not take it, its time goes on all the same.
    ///
    /// # Errors
    ///
    /// As [`fan_out`](Self::fan_out).
    ///
    /// # Panics
    ///
    /// The rate is not above 0, or above [`RATE_MAX`].
    pub fn open_loop(&mut self, schedule: Schedule) -> Result<OpenLoop, LoadError> {
        let rate = schedule.rate;
        assert!(rate > 0.0 && rate <= RATE_MAX, "{rate} messages a second");
        self.table.follow_reference();
        let registry = self.poll.registry();
        let timer = WakeTimer::new(registry).map_err(LoadError::io("creating a timer"))?;
        let (start, first) = (Instant::now(), self.table.sent);
        self.table.start_tracker(schedule);
        let mut received_at = start;
        while let Some(left) = self.table.send_due()? {
            let anything = self.turn_by(&timer, left)?;
            if anything || !self.table.is_waiting() {
                received_at = Instant::now();
            } else if received_at.elapsed() >= self.stall {
                return Err(self.stalled());
            }
            self.table.trim_if_large();
        }
        let tracker = self.table.tracker.take();
        let Tracker { each, last, late, .. } = tracker.expect("it was started");
        Ok(OpenLoop { tally: self.tally(start, first), each, last, late })
    }

    /// Waits until a member is ready, for at most `left`. Returns whether any was.
    fn turn_by(&mut self, timer: &WakeTimer, left: Duration) -> Result<bool, LoadError> {
        if left < SHORT {
            return self.turn_within(Duration::ZERO);
        }
        let within = timer.set(left.min(self.stall)).map_err(LoadError::io("setting a timer"))?;
        self.turn_within(within)
    }
}

impl ConnectionTable {
    fn start_tracker(&mut self, schedule: Schedule) {
        let next = self.outboxes.iter().map(|outbox| outbox.next).collect();
        self.tracker = Some(Tracker::start(schedule, self.sent, next, self.receivers()));
    }

    fn is_waiting(&self) -> bool {
        self.tracker.as_ref().is_some_and(Tracker::is_waiting)
    }

    /// Sends what is due. Returns the time to the next message; `None` when everything was sent and
    /// received.
    fn send_due(&mut self) -> Result<Option<Duration>, LoadError> {
        let Some(tracker) = &mut self.tracker else { return Ok(None) };
        tracker.advance(tracker.now());
        if tracker.is_due_more_than(self.sent) {
            for speaker in 0..self.speakers() {
                self.catch_up(speaker)?;
            }
        }
        Ok(self.tracker.as_ref().and_then(|tracker| tracker.time_to_next(tracker.now())))
    }

    /// Sends the messages of one speaker that are due and fit in its outbox.
    fn catch_up(&mut self, speaker: usize) -> Result<(), LoadError> {
        let Some(goal) = self.tracker.as_ref().map(|tracker| tracker.goal(speaker)) else {
            return Ok(());
        };
        let outbox = &self.outboxes[speaker];
        match (goal - outbox.next).min(outbox.room(OUTBOX_BYTES_MAX)) {
            0 => {}
            count => self.send_as(speaker, count)?,
        }
        if let Some(tracker) = &mut self.tracker {
            tracker.offered(speaker, goal, tracker.now());
        }
        Ok(())
    }

    /// Discards what all members have received, once there is enough of it to be worth a look at
    /// every member.
    fn trim_if_large(&mut self) {
        if self.reference.len() > self.kept_max {
            self.trim();
            self.kept_max = KEPT_BYTES_MIN + 2 * self.reference.len();
        }
    }
}

/// The highest rate that can be asked for, in messages a second: some ten times what one thread can
/// send.
pub const RATE_MAX: f64 = 10_000_000.0;
/// To sleep and wake up takes about as long.
const SHORT: Duration = Duration::from_micros(10);
/// What a speaker keeps for a server that takes nothing. What is due beyond that is sent later, and
/// its time goes on.
const OUTBOX_BYTES_MAX: usize = 4 * 1024 * 1024;
const KEPT_BYTES_MIN: usize = 256 * 1024;
