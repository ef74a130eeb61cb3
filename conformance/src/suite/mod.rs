//! The suite: every rule tried on one target, by its conversations and by cases, with one verdict.

mod play;
mod run;

pub use self::run::{Plan, Row, Verdict, is_tested, run_client_row, run_row};
