//! Open loop: messages that are due on a schedule, whatever has become of those before.
//!
//! A timer of the kernel wakes the load when a message is due, so waiting costs a system call and no processor
//! time; only the last 10 µs are spent polling. Recording a delivery costs some nanoseconds: with 1000 listeners, on a
//! busy machine, the load took 0.021 µs for each in all, and 0.015 to 0.020 µs where nothing was recorded.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::crowd::Crowd;
use super::error::LoadError;
use super::fan_out::Tally;
use super::table::ConnectionTable;
use super::timer::WakeTimer;
use super::tracker::{Schedule, Tracker};

/// What a paced load found. The histograms count nanoseconds, up to 60 s, to three digits.
#[derive(Clone, Debug)]
pub struct OpenLoop {
    /// What was said and heard.
    pub tally: Tally,
    /// From when a message was due until a member heard it: as many as deliveries.
    pub each: Histogram<u64>,
    /// From when a message was due until the last member heard it: as many as messages.
    pub last: Histogram<u64>,
    /// From when a message was due until the load offered it to the kernel: as many as messages. If the kernel
    /// does not take it then, the server lets it wait, and not the load.
    pub late: Histogram<u64>,
}

impl Crowd {
    /// Has the speakers speak in turn at this pace, and returns when everybody has heard all of it.
    /// A message that is due is said whether or not those before were heard. If the kernel does not
    /// take it, its time runs on.
    ///
    /// # Errors
    ///
    /// As [`fan_out`](Self::fan_out).
    ///
    /// # Panics
    ///
    /// The rate is not above 0, or above [`RATE_MAX`].
    pub fn open_loop(&mut self, pace: Schedule) -> Result<OpenLoop, LoadError> {
        assert!(pace.rate > 0.0 && pace.rate <= RATE_MAX, "{} messages a second", pace.rate);
        self.table.follow_reference();
        let alarm =
            WakeTimer::new(self.poll.registry()).map_err(LoadError::io("creating a timer"))?;
        let (start, first) = (Instant::now(), self.table.said());
        self.table.start_watch(pace);
        let mut heard_at = start;
        while let Some(left) = self.table.say_due()? {
            let anything = self.turn_by(&alarm, left)?;
            if anything || !self.table.is_waiting() {
                heard_at = Instant::now();
            } else if heard_at.elapsed() >= self.stall {
                return Err(self.stalled());
            }
            self.table.tidy();
        }
        let Tracker { each, last, late, .. } = self.table.watch.take().expect("it was started");
        Ok(OpenLoop { tally: self.tally(start, first), each, last, late })
    }

    /// Waits for a member to be ready, for at most `left`; tells whether any was.
    fn turn_by(&mut self, alarm: &WakeTimer, left: Duration) -> Result<bool, LoadError> {
        if left < SHORT {
            return self.turn_within(Duration::ZERO);
        }
        let patience = alarm.set(left.min(self.stall)).map_err(LoadError::io("setting a timer"))?;
        self.turn_within(patience)
    }
}

impl ConnectionTable {
    fn start_watch(&mut self, pace: Schedule) {
        let next = self.outboxes.iter().map(|outbox| outbox.next).collect();
        self.watch = Some(Tracker::start(pace, self.said, next, self.hearers()));
    }

    fn is_waiting(&self) -> bool {
        self.watch.as_ref().is_some_and(Tracker::is_waiting)
    }

    /// Says what is due. Tells how long there is nothing to say; `None` when all is said and heard.
    fn say_due(&mut self) -> Result<Option<Duration>, LoadError> {
        let Some(watch) = &mut self.watch else { return Ok(None) };
        watch.advance(watch.now());
        if watch.owes(self.said) {
            for speaker in 0..self.speakers() {
                self.catch_up(speaker)?;
            }
        }
        Ok(self.watch.as_ref().and_then(|watch| watch.pause(watch.now())))
    }

    /// Has a speaker say what is due and has room.
    fn catch_up(&mut self, speaker: usize) -> Result<(), LoadError> {
        let Some(goal) = self.watch.as_ref().map(|watch| watch.goal(speaker)) else {
            return Ok(());
        };
        let outbox = &self.outboxes[speaker];
        match (goal - outbox.next).min(outbox.room(OUTBOX_BYTES_MAX)) {
            0 => {}
            count => self.say_as(speaker, count)?,
        }
        if let Some(watch) = &mut self.watch {
            watch.offered(speaker, goal, watch.now());
        }
        Ok(())
    }

    /// Forgets what all have heard, once that is worth looking at everybody.
    fn tidy(&mut self) {
        if self.reference.len() > self.kept_max {
            self.trim();
            self.kept_max = KEPT_BYTES_MIN + 2 * self.reference.len();
        }
    }
}

/// The most messages a second that can be asked for; some ten times what one thread can say.
pub const RATE_MAX: f64 = 10_000_000.0;
/// Falling asleep and waking up takes about as long.
const SHORT: Duration = Duration::from_micros(10);
/// What a speaker keeps for a server that takes nothing; what is due beyond is said later, and its time runs.
const OUTBOX_BYTES_MAX: usize = 4 * 1024 * 1024;
const KEPT_BYTES_MIN: usize = 256 * 1024;
