//! Progress: what is being done now, as a bar on a terminal and as plain lines elsewhere.

use std::borrow::Cow;
use std::cell::Cell;

use indicatif::{ProgressBar, ProgressStyle};

use crate::console::complain;

/// Steps done and to do, told on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Cell<u64>,
    steps: u64,
}

impl Progress {
    pub(crate) fn new(steps: u64) -> Self {
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        Self { bar, begun: Cell::new(0), steps }
    }

    /// Tells that the next step begins.
    pub(crate) fn step(&self, what: &str) {
        self.bar.set_position(self.begun.get());
        self.begun.set(self.begun.get() + 1);
        if self.bar.is_hidden() {
            complain(format_args!("[{}/{}] {what}", self.begun.get(), self.steps));
        }
        self.bar.set_message(Cow::Owned(what.into()));
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

const TEMPLATE: &str = "{wide_bar} {pos}/{len}  {msg}  {elapsed} of about {duration}";
