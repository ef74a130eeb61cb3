//! Support: what the commands share: output, signals, progress, the machine.
//!
//! It imports only `process`, whose running children a signal ends.

pub(crate) mod console;
pub(crate) mod cores;
pub(crate) mod environment;
pub mod interrupt;
pub(crate) mod out;
pub(crate) mod progress;
pub(crate) mod quote;
pub mod token;
