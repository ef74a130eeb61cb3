//! The client as a process, against servers played by the tests.

#![expect(clippy::unwrap_used, reason = "in the harness too, a panic fails the test")]

mod conversation;
mod failure;
mod harness;
