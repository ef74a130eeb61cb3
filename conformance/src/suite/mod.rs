//! The suite: tests every rule on one target, by its conversations and its case, and gives one
//! verdict per rule.

pub mod cases;
pub mod causes;
pub mod client;
pub mod client_fixture;
pub mod error;
pub mod failure;
pub mod fixture;
pub mod message_stream;
pub mod pairs;
mod play;
mod run;
pub mod transcript;

pub use self::run::{Plan, Row, Verdict, is_tested, run_client_row, run_row};
