//! One suite that holds every server of the protocol to the same rules, and what measures them.
//!
//! A folder imports only what stands in its line, and the crates `protocol` and, for its limits, `server-core`:
//!
//! ```text
//! cli       → everything
//! lab       → suite, baselines, target, process, spec, support, load
//! siege     → target, process, support, load
//! suite     → target, process, spec, support, load::measure
//! baselines → process, support, load::wire
//! target    → process, spec, support, the three servers
//! support   → process
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
