//! Tracker: which messages of a paced load are due, who has still to hear them, and how long everything took.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::stream::Stamp;

/// An open loop: message `i` is due `i / rate` seconds after the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Messages a second of all speakers together.
    pub rate: f64,
    /// What is due before this time is over is said.
    pub lasting: Duration,
}

/// The clock of a paced load, which does not stop for anybody. All its times are nanoseconds since it began.
///
/// The messages are due in turn: the first of every speaker, then the second of every speaker.
#[derive(Debug)]
pub(super) struct Tracker {
    start: Instant,
    pace: Schedule,
    /// Messages said before.
    said: u64,
    /// By speaker: the number of its first message of this load.
    first: Vec<u64>,
    /// Members that have to hear each message.
    hearers: u32,
    /// Messages that all have heard, and all before them too.
    settled: u64,
    /// The messages behind those that are due so far.
    waiting: VecDeque<Waiting>,
    /// By speaker: the number of the first message that the kernel was not offered.
    offered: Vec<u64>,
    pub(super) each: Histogram<u64>,
    pub(super) last: Histogram<u64>,
    pub(super) late: Histogram<u64>,
}

/// A message that not all have heard.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    due: u64,
    /// How many members have still to hear it.
    left: u32,
}

impl Tracker {
    /// Starts now, after `said` messages in all. `next` is the number of each speaker's next one.
    pub(super) fn start(pace: Schedule, said: u64, next: Vec<u64>, hearers: u32) -> Self {
        Self {
            start: Instant::now(),
            pace,
            said,
            offered: next.clone(),
            first: next,
            hearers,
            settled: 0,
            waiting: VecDeque::new(),
            each: histogram(),
            last: histogram(),
            late: histogram(),
        }
    }

    pub(super) fn now(&self) -> u64 {
        nanos(self.start.elapsed())
    }

    /// Takes note of what has become due by `now`.
    pub(super) fn advance(&mut self, now: u64) {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.waiting.push_back(Waiting { due, left: self.hearers });
            self.forget_heard();
        }
    }

    /// Number of the first message of `speaker` that is not due yet.
    pub(super) fn goal(&self, speaker: usize) -> u64 {
        let (due, speakers) = (self.due(), self.first.len() as u64);
        self.first[speaker] + (due + speakers - 1 - speaker as u64) / speakers
    }

    /// Whether something is due that is not among these `said` in all.
    pub(super) fn owes(&self, said: u64) -> bool {
        self.due() > said - self.said
    }

    /// How long nothing will become due, from `now` on; `None` when all was due and is heard.
    pub(super) fn pause(&self, now: u64) -> Option<Duration> {
        match self.next_due() {
            Some(due) => Some(Duration::from_nanos(due.saturating_sub(now))),
            None => self.is_waiting().then_some(Duration::MAX),
        }
    }

    /// Whether somebody has still to hear something that is due.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes note that a member heard this message at `now`.
    pub(super) fn heard(&mut self, stamp: Stamp, now: u64) {
        let Some(waiting) = self.place(stamp).and_then(|place| self.waiting.get_mut(place)) else {
            return;
        };
        let took = now.saturating_sub(waiting.due);
        // A server that makes up messages may have its speaker hear one, too; saying it will tell.
        let Some(left) = waiting.left.checked_sub(1) else { return };
        waiting.left = left;
        self.each.saturating_record(took);
        if waiting.left == 0 {
            self.last.saturating_record(took);
            self.forget_heard();
        }
    }

    /// Takes note that at `now` the kernel was offered all messages of `speaker` before this one. Whether it took
    /// them is the server's affair, who reads or does not: only what comes before is the load's.
    pub(super) fn offered(&mut self, speaker: usize, before: u64, now: u64) {
        for sequence in self.offered[speaker]..before {
            let due = self.due_of(self.number(Stamp { speaker, sequence }));
            self.late.saturating_record(now.saturating_sub(due));
        }
        self.offered[speaker] = before;
    }

    /// Messages due so far.
    fn due(&self) -> u64 {
        self.settled + self.waiting.len() as u64
    }

    /// When the next message is due; `None` if that is after the end.
    fn next_due(&self) -> Option<u64> {
        Some(self.due_of(self.due())).filter(|due| *due < nanos(self.pace.lasting))
    }

    fn due_of(&self, number: u64) -> u64 {
        #[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
        let seconds = number as f64 / self.pace.rate;
        nanos(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// The how manieth message of this load it is.
    fn number(&self, stamp: Stamp) -> u64 {
        let earlier = stamp.sequence - self.first[stamp.speaker];
        earlier * self.first.len() as u64 + stamp.speaker as u64
    }

    /// Where in `waiting` it is; `None` if it is not of this load.
    fn place(&self, stamp: Stamp) -> Option<usize> {
        stamp.sequence.checked_sub(self.first[stamp.speaker])?;
        usize::try_from(self.number(stamp).checked_sub(self.settled)?).ok()
    }

    fn forget_heard(&mut self) {
        while self.waiting.front().is_some_and(|waiting| waiting.left == 0) {
            self.waiting.pop_front();
            self.settled += 1;
        }
    }
}

/// For times up to a minute, above which they count as one, to a thousandth. The shortest is a nanosecond: with a
/// microsecond, steps would be half of one, and so a percent of the times of a ping-pong.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("these bounds make sense")
}

/// A time as histograms count it.
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_in_turn_and_heard_by_all_in_the_end() {
        let pace = Schedule { rate: 1000.0, lasting: Duration::from_millis(3) };
        let mut watch = Tracker::start(pace, 47, vec![7, 40], 2);
        watch.advance(2_500_000);
        assert_eq!((9, 41), (watch.goal(0), watch.goal(1)));
        let pause = watch.pause(2_500_000);
        assert_eq!(Some(Duration::MAX), pause, "the fourth would be due at the end");
        assert!(watch.owes(49) && !watch.owes(50));
        for _ in 0..2 {
            // What was offered before is not late again.
            watch.offered(0, 9, 2_100_000);
            watch.offered(1, 41, 2_100_000);
        }
        for (speaker, sequence) in [(0, 8), (0, 7), (1, 40)] {
            for at in [3_000_000, 4_000_000] {
                watch.heard(Stamp { speaker, sequence }, at);
            }
        }
        assert_eq!(None, watch.pause(4_000_000));
        assert_eq!((6, 3, 3), (watch.each.len(), watch.last.len(), watch.late.len()));
        assert!(watch.each.equivalent(1_000_000, watch.each.min()), "{}", watch.each.min());
        assert!(watch.last.equivalent(2_000_000, watch.last.min()), "{}", watch.last.min());
        assert!(watch.late.equivalent(2_100_000, watch.late.max()), "{}", watch.late.max());
    }

    #[test]
    fn short_times_and_long_ones_are_told_to_a_thousandth() {
        for time in [900_u64, 20_000, 5_000_000, 59_000_000_000] {
            let mut times = histogram();
            times.saturating_record(time);
            let told = times.value_at_quantile(0.5);
            assert!(told.abs_diff(time) <= time / 1000, "{told} instead of {time}");
        }
    }

    #[test]
    fn the_next_message_is_awaited_although_nobody_has_heard_the_last() {
        let pace = Schedule { rate: 2.0, lasting: Duration::from_secs(2) };
        let mut watch = Tracker::start(pace, 0, vec![0], 1);
        watch.advance(0);
        let half = Duration::from_millis(500);
        assert_eq!((1, Some(half)), (watch.goal(0), watch.pause(0)));
        watch.advance(1_000_000_000);
        assert_eq!(3, watch.goal(0));
        assert!(watch.is_waiting());
    }
}
