//! One suite that holds every server of the protocol to the same rules.

pub mod cases;
pub mod causes;
pub mod cli;
pub mod client;
mod console;
pub mod conversation;
pub mod declared;
pub mod failure;
pub mod fault;
pub mod flood;
pub mod journal;
pub mod lab;
pub mod load;
pub mod measure;
pub mod memory;
pub mod model;
pub mod pairs;
pub mod process;
pub mod spec;
pub mod stage;
pub mod subject;
pub mod suite;
pub mod target;
pub mod tcp;
pub mod token;
