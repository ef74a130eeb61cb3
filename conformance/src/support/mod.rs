//! Support: what the commands and what they do have in common, and what is about none of them.
//!
//! It imports nothing of this crate but the list of child processes that an interrupt ends; everything may import it.

pub(crate) mod console;
pub(crate) mod cores;
pub(crate) mod environment;
pub mod interrupt;
pub(crate) mod out;
pub(crate) mod progress;
pub(crate) mod quote;
pub mod token;
