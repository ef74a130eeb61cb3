//! Flow: when the room waits for its slowest member, and for how long.

use std::time::{Duration, Instant};

/// The flow rule (SPEC BPR-07): a reader that keeps up loses nothing, and nobody can hold the room up.
///
/// When the lowest cursor is more than half a window behind the head the room pauses, until nobody is
/// more than a quarter behind. Positions are the log's; whatever waits undelivered counts, a member's
/// own bytes in between included, because they are held in memory all the same.
#[derive(Debug)]
pub(crate) struct Flow {
    window: u64,
    patience: Duration,
    /// The head at which cursors are looked at again: a 64th of the window apart, so that looking at
    /// all of them costs nothing per message.
    due: u64,
    /// Moves since the last trim of all cursors.
    moves: usize,
    pause: Option<Pause>,
}

#[derive(Debug)]
struct Pause {
    /// The head when it began; only notices of leavers are appended meanwhile.
    head: u64,
    /// Members more than a quarter of the window behind it.
    laggards: usize,
    /// When those that cannot be reached are given up.
    deadline: Instant,
}

impl Flow {
    pub(crate) fn new(window: u64, patience: Duration) -> Self {
        Self { window, patience, due: 0, moves: 0, pause: None }
    }

    /// Whether cursors must be watched before anything is appended at `head`.
    pub(crate) fn is_due(&self, head: u64) -> bool {
        self.pause.is_none() && head >= self.due
    }

    /// Looks at all cursors and pauses if one is too far behind.
    pub(crate) fn watch(
        &mut self,
        head: u64,
        cursors: impl Iterator<Item = u64> + Clone,
        now: Instant,
    ) {
        self.due = head + (self.window / 64).max(1);
        let lowest = cursors.clone().min().unwrap_or(head);
        if head - lowest > self.window / 2 {
            let laggards = cursors.filter(|cursor| head - cursor > self.window / 4).count();
            self.pause = Some(Pause { head, laggards, deadline: now + self.patience });
        }
    }

    /// Takes note that a cursor moved; whether that ended a pause.
    pub(crate) fn moved(&mut self, before: u64, after: u64) -> bool {
        self.moves += 1;
        if !self.is_laggard(before) || self.is_laggard(after) {
            return false;
        }
        let Some(pause) = &mut self.pause else { return false };
        pause.laggards -= 1;
        let over = pause.laggards == 0;
        if over {
            self.pause = None;
            // What was held for the laggards is given back before anything is added to it.
            self.due = 0;
        }
        over
    }

    /// Whether there is a pause and a member at `cursor` prolongs it.
    pub(crate) fn is_laggard(&self, cursor: u64) -> bool {
        let behind = |pause: &Pause| pause.head.saturating_sub(cursor) > self.window / 4;
        self.pause.as_ref().is_some_and(behind)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// When laggards that cannot be reached are given up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pause.as_ref().map(|pause| pause.deadline)
    }

    /// Whether that time has come; true once. If so, the next look is a quarter of the patience later: a laggard
    /// whose socket was not full this time may turn out to be the next.
    pub(crate) fn take_overdue(&mut self, now: Instant) -> bool {
        let overdue = self.pause.as_mut().filter(|pause| pause.deadline <= now);
        overdue.map(|pause| pause.deadline = now + self.patience / 4).is_some()
    }

    /// Whether looking at all `members` for what nobody needs any more is worth it: when enough is held,
    /// and not more often than they have moved.
    pub(crate) fn is_worth_trimming(&self, held: u64, members: usize) -> bool {
        held > HELD_MIN.min(self.window / 64) && self.moves >= members
    }

    /// Takes note that all cursors have been looked at.
    pub(crate) fn trimmed(&mut self) {
        self.moves = 0;
    }
}

/// Less than this is not worth giving back: one block of the log.
const HELD_MIN: u64 = 64 * 1024;
