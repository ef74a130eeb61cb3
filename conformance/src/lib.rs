//! The conformance suite of the protocol, and the tools that measure and attack the servers, in one
//! program.
//!
//! | folder | contents |
//! |---|---|
//! | `cli` | the command line: `serve`, `chat`, `check`, `list`; the other commands are in their own folders |
//! | `lab` | `lab` measures servers beside each other; `diff` compares two reports |
//! | `siege` | `siege` runs hostile clients beside honest ones |
//! | `suite` | each rule as a row: its conversations and its cases, played to a target, with a verdict |
//! | `baselines` | programs that are measured for comparison: the floor, naive servers, message brokers |
//! | `target` | what is under test, and one connection to it |
//! | `spec` | the rules and conversations of `SPEC.md` as data |
//! | `process` | servers and clients as child processes |
//! | `support` | output, signals, progress: what the commands share |
//!
//! A folder may import the folders and crates in its line below, and `protocol`; all but `siege`,
//! `support`, `process` and `spec` may import `server-core`, for its settings and limits. A test
//! enforces this (`tests/imports.rs`).
//!
//! ```text
//! cli       → all folders, client-cli
//! lab       → suite, baselines, target, process, spec, support, load
//! siege     → target, process, support, load
//! suite     → target, process, spec, support, load::measure
//! baselines → process, support, load::wire
//! target    → process, spec, support, the three servers
//! support   → process
//! process   → nothing
//! spec      → nothing
//! ```

pub mod baselines;
pub mod cli;
pub mod lab;
pub mod process;
pub mod siege;
pub mod spec;
pub mod suite;
pub mod support;
pub mod target;
