//! Flow: backpressure. When the room pauses, and how long it waits for its slowest member.
//!
//! ```text
//!             a member lags more than half the window
//!   running ───────────────────────────────────────────► paused: no message is accepted
//!      ▲                                                    │ │
//!      │   no member lags more than a quarter               │ └─ patience over: members with full
//!      └────────────────────────────────────────────────────┘    sockets that still lag are aborted
//! ```

use std::time::{Duration, Instant};

/// The flow rule (SPEC BPR-07): a reader that keeps up loses nothing, and no member can block the room.
///
/// All undelivered bytes count as lag, a member's own messages among them included, because the log holds
/// them in memory all the same.
#[derive(Debug)]
pub(crate) struct Flow {
    /// The largest lag, in bytes.
    window: u64,
    patience: Duration,
    /// The head at which the lag of all members is looked at again. The looks are a 64th of the window apart, so
    /// that they cost next to nothing per message.
    next_check: u64,
    /// How often a cursor moved since the log was last trimmed.
    moves: usize,
    pause: Option<Pause>,
}

#[derive(Debug)]
struct Pause {
    /// The head when it began. Only notices of members that left are appended during a pause.
    head: u64,
    /// How many members lag more than a quarter of the window behind that head.
    laggards: usize,
    /// When laggards with full sockets are aborted.
    deadline: Instant,
}

impl Flow {
    pub(crate) fn new(window: u64, patience: Duration) -> Self {
        Self { window, patience, next_check: 0, moves: 0, pause: None }
    }

    /// Whether [`check_lag`](Self::check_lag) is to be called before anything is appended at `head`.
    pub(crate) fn is_due(&self, head: u64) -> bool {
        self.pause.is_none() && head >= self.next_check
    }

    /// Looks at all cursors, and pauses if one lags too far.
    pub(crate) fn check_lag(
        &mut self,
        head: u64,
        cursors: impl Iterator<Item = u64> + Clone,
        now: Instant,
    ) {
        self.next_check = head + (self.window / 64).max(1);
        let lowest = cursors.clone().min().unwrap_or(head);
        if head - lowest > self.window / 2 {
            let laggards = cursors.filter(|cursor| head - cursor > self.window / 4).count();
            self.pause = Some(Pause { head, laggards, deadline: now + self.patience });
        }
    }

    /// Records that a cursor moved. Returns whether that ended a pause.
    pub(crate) fn cursor_moved(&mut self, before: u64, after: u64) -> bool {
        self.moves += 1;
        if !self.is_laggard(before) || self.is_laggard(after) {
            return false;
        }
        let Some(pause) = &mut self.pause else { return false };
        pause.laggards -= 1;
        let is_over = pause.laggards == 0;
        if is_over {
            self.pause = None;
            // The log is trimmed before anything is appended to it.
            self.next_check = 0;
        }
        is_over
    }

    /// Whether there is a pause and a member at `cursor` prolongs it.
    pub(crate) fn is_laggard(&self, cursor: u64) -> bool {
        let lags = |pause: &Pause| pause.head.saturating_sub(cursor) > self.window / 4;
        self.pause.as_ref().is_some_and(lags)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// When laggards with full sockets are aborted.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pause.as_ref().map(|pause| pause.deadline)
    }

    /// Whether that time has come. If so, the next time is a quarter of the patience later: the socket of another
    /// laggard may be full by then.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> bool {
        let overdue = self.pause.as_mut().filter(|pause| pause.deadline <= now);
        overdue.map(|pause| pause.deadline = now + self.patience / 4).is_some()
    }

    /// Whether the log is to be trimmed, which means a look at all `members`: if it holds enough, and if there
    /// were as many moves.
    pub(crate) fn is_worth_trimming(&self, held: u64, members: usize) -> bool {
        held > HELD_MIN.min(self.window / 64) && self.moves >= members
    }

    /// Records that the log was trimmed.
    pub(crate) fn trimmed(&mut self) {
        self.moves = 0;
    }
}

/// Fewer bytes are not worth trimming: one block of the log.
const HELD_MIN: u64 = 64 * 1024;
