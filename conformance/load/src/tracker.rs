//! Tracker: which messages of an open loop are due, which members have not received them, and how
//! long each took.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::stream::Stamp;

/// When an open loop sends: message `i` is due `i / rate` seconds after the start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Messages a second of all speakers together.
    pub rate: f64,
    /// Every message due before this time is sent.
    pub lasting: Duration,
}

/// The state of an open loop. All its times are nanoseconds since it began.
///
/// The messages are due in turn: the first of every speaker, then the second of every speaker.
#[derive(Debug)]
pub(super) struct Tracker {
    start: Instant,
    schedule: Schedule,
    /// Messages sent before this open loop.
    sent_before: u64,
    /// By speaker: the number of its first message of this open loop.
    first: Vec<u64>,
    /// Members that must receive each message.
    receivers: u32,
    /// Messages that all members have received, with all messages before them.
    settled: u64,
    /// The messages after those, as far as they are due.
    waiting: VecDeque<Waiting>,
    /// By speaker: the number of the first message that was not offered to the kernel.
    offered: Vec<u64>,
    pub(super) each: Histogram<u64>,
    pub(super) last: Histogram<u64>,
    pub(super) late: Histogram<u64>,
}

/// A message that some member has not received.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    due: u64,
    /// How many members have not received it.
    left: u32,
}

impl Tracker {
    /// Starts now, after `sent` messages in all. `next` holds the number of each speaker's next
    /// message.
    pub(super) fn start(schedule: Schedule, sent: u64, next: Vec<u64>, receivers: u32) -> Self {
        Self {
            start: Instant::now(),
            schedule,
            sent_before: sent,
            offered: next.clone(),
            first: next,
            receivers,
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

    /// Records the messages that have become due by `now`.
    pub(super) fn advance(&mut self, now: u64) {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.waiting.push_back(Waiting { due, left: self.receivers });
            self.drop_settled();
        }
    }

    /// Number of the first message of `speaker` that is not due yet.
    pub(super) fn goal(&self, speaker: usize) -> u64 {
        let (due, speakers) = (self.due(), self.first.len() as u64);
        self.first[speaker] + (due + speakers - 1 - speaker as u64) / speakers
    }

    /// Whether more messages are due than these `sent` in all.
    pub(super) fn is_due_more_than(&self, sent: u64) -> bool {
        self.due() > sent - self.sent_before
    }

    /// The time from `now` to the next message; `None` when everything was due and has been
    /// received.
    pub(super) fn time_to_next(&self, now: u64) -> Option<Duration> {
        match self.next_due() {
            Some(due) => Some(Duration::from_nanos(due.saturating_sub(now))),
            None => self.is_waiting().then_some(Duration::MAX),
        }
    }

    /// Whether a member has not received a message that is due.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Records that a member received this message at `now`.
    pub(super) fn received(&mut self, stamp: Stamp, now: u64) {
        let Some(waiting) = self.place(stamp).and_then(|place| self.waiting.get_mut(place)) else {
            return;
        };
        let took = now.saturating_sub(waiting.due);
        // A server that makes up a message may deliver it to its speaker too. Sending that number
        // reports it.
        let Some(left) = waiting.left.checked_sub(1) else { return };
        waiting.left = left;
        self.each.saturating_record(took);
        if waiting.left == 0 {
            self.last.saturating_record(took);
            self.drop_settled();
        }
    }

    /// Records that all messages of `speaker` before this number were offered to the kernel by
    /// `now`. Whether the kernel took them depends on the server, which reads or does not: only the
    /// time before counts as the load's delay.
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
        Some(self.due_of(self.due())).filter(|due| *due < nanos(self.schedule.lasting))
    }

    fn due_of(&self, number: u64) -> u64 {
        #[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^53")]
        let seconds = number as f64 / self.schedule.rate;
        nanos(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
    }

    /// The message's number in this open loop, over all speakers.
    fn number(&self, stamp: Stamp) -> u64 {
        let earlier = stamp.sequence - self.first[stamp.speaker];
        earlier * self.first.len() as u64 + stamp.speaker as u64
    }

    /// Where the message is in `waiting`; `None` if it is not of this open loop.
    fn place(&self, stamp: Stamp) -> Option<usize> {
        stamp.sequence.checked_sub(self.first[stamp.speaker])?;
        usize::try_from(self.number(stamp).checked_sub(self.settled)?).ok()
    }

    fn drop_settled(&mut self) {
        while self.waiting.front().is_some_and(|waiting| waiting.left == 0) {
            self.waiting.pop_front();
            self.settled += 1;
        }
    }
}

/// A histogram of nanoseconds, to three digits, from 1 ns to 60 s; a longer time counts as 60 s.
/// The steps of a histogram of microseconds would be half a microsecond, which is a percent of the
/// times of a ping-pong.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("these bounds make sense")
}

/// A time in nanoseconds, as the histograms count it; `u64::MAX` if it is longer than that.
pub fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_in_turn_and_settled_when_all_members_received_them() {
        let schedule = Schedule { rate: 1000.0, lasting: Duration::from_millis(3) };
        let mut tracker = Tracker::start(schedule, 47, vec![7, 40], 2);
        tracker.advance(2_500_000);
        assert_eq!((9, 41), (tracker.goal(0), tracker.goal(1)));
        let left = tracker.time_to_next(2_500_000);
        assert_eq!(Some(Duration::MAX), left, "the fourth would be due at the end");
        assert!(tracker.is_due_more_than(49) && !tracker.is_due_more_than(50));
        for _ in 0..2 {
            // A message that was offered before is not late again.
            tracker.offered(0, 9, 2_100_000);
            tracker.offered(1, 41, 2_100_000);
        }
        for (speaker, sequence) in [(0, 8), (0, 7), (1, 40)] {
            for at in [3_000_000, 4_000_000] {
                tracker.received(Stamp { speaker, sequence }, at);
            }
        }
        assert_eq!(None, tracker.time_to_next(4_000_000));
        assert_eq!((6, 3, 3), (tracker.each.len(), tracker.last.len(), tracker.late.len()));
        assert!(tracker.each.equivalent(1_000_000, tracker.each.min()), "{}", tracker.each.min());
        assert!(tracker.last.equivalent(2_000_000, tracker.last.min()), "{}", tracker.last.min());
        assert!(tracker.late.equivalent(2_100_000, tracker.late.max()), "{}", tracker.late.max());
    }

    #[test]
    fn short_and_long_times_are_exact_to_a_thousandth() {
        for time in [900_u64, 20_000, 5_000_000, 59_000_000_000] {
            let mut times = histogram();
            times.saturating_record(time);
            let recorded = times.value_at_quantile(0.5);
            assert!(recorded.abs_diff(time) <= time / 1000, "{recorded} instead of {time}");
        }
    }

    #[test]
    fn the_next_message_is_due_although_no_member_received_the_last() {
        let schedule = Schedule { rate: 2.0, lasting: Duration::from_secs(2) };
        let mut tracker = Tracker::start(schedule, 0, vec![0], 1);
        tracker.advance(0);
        let half = Duration::from_millis(500);
        assert_eq!((1, Some(half)), (tracker.goal(0), tracker.time_to_next(0)));
        tracker.advance(1_000_000_000);
        assert_eq!(3, tracker.goal(0));
        assert!(tracker.is_waiting());
    }
}
