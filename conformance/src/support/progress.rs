//! Progress: the current step, as a bar on a terminal and as plain lines elsewhere.

use std::borrow::Cow;
use std::cell::Cell;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::console::print_error;

/// The steps done and to do, shown on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Cell<u64>,
    steps: Cell<u64>,
    start: Instant,
}

impl Progress {
    pub(crate) fn new(steps: u64) -> Self {
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self { bar, begun: Cell::new(0), steps: Cell::new(steps), start: Instant::now() }
    }

    /// Shows that the next step begins.
    pub(crate) fn step(&self, what: &str) {
        self.bar.set_position(self.begun.get());
        self.begun.set(self.begun.get() + 1);
        if self.bar.is_hidden() {
            let (begun, steps) = (self.begun.get(), self.steps.get());
            print_error(format_args!("[{begun}/{steps}] {what}{}", self.left()));
        }
        self.bar.set_message(Cow::Owned(what.into()));
    }

    /// Removes this number of steps from those to do.
    pub(crate) fn skip(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_sub(steps));
        self.bar.set_length(self.steps.get());
    }

    /// The estimated time for the remaining steps; empty after too few steps.
    fn left(&self) -> String {
        let done = self.begun.get().saturating_sub(1);
        if done < STEPS_FOR_ESTIMATE {
            return String::new();
        }
        let left = u32::try_from(self.steps.get() - done).unwrap_or(u32::MAX);
        let rest = self.start.elapsed() / u32::try_from(done).unwrap_or(u32::MAX) * left;
        format!(" (about {} s left)", rest.as_secs())
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Fewer steps give no useful estimate.
const STEPS_FOR_ESTIMATE: u64 = 5;
const TEMPLATE: &str = "{wide_bar} {pos}/{len}  {msg}  {elapsed} of about {duration}";
