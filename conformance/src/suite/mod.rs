//! The suite: every rule tried on one target, by its conversations and by cases, with one verdict.

pub mod blame;
pub mod cases;
pub mod causes;
pub mod client;
pub mod failure;
pub mod journal;
pub mod pairs;
mod play;
mod run;
pub mod stage;
pub mod stream;
pub mod visit;

pub use self::run::{Plan, Row, Verdict, is_tested, run_client_row, run_row};
