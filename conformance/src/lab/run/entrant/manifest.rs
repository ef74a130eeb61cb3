//! Manifest: what is known of how each entrant does its work, for whoever asks whether it is the same work.

use std::env;

use bytesize::ByteSize;
use server_core::listen::BACKLOG;
use server_core::socket::{SEND_BUFFER_LARGE, SEND_BUFFER_SMALL};

use crate::baselines::{Baseline, Installed};
use crate::target::{Declared, Model};

/// What is known, and how it is.
type Manifest = Vec<(String, String)>;

/// Of one of our servers with these limits.
pub(super) fn ours(model: Model, declared: &Declared) -> Manifest {
    let (small, large) = (size(SEND_BUFFER_SMALL as u64), size(SEND_BUFFER_LARGE as u64));
    let patience = declared.patience.map(|time| humantime::format_duration(time).to_string());
    let mut known = program();
    if model == Model::Async {
        known.push(("workers", workers("1")));
    }
    known.extend([
        ("send buffer", format!("{small} asked for, {large} for a member that reads")),
        ("writes", "one per member and wake-up, in groups until it has shown that it reads".into()),
        ("slow readers", patience.map_or_else(|| "-".into(), |time| format!("ended after {time}"))),
        ("memory for messages", declared.memory.map_or_else(|| "-".into(), size)),
        ("log", "info, to a pipe".into()),
        tagged(TUNED),
    ]);
    named(known)
}

/// Of a program that is made to be measured beside ours.
pub(super) fn yardstick(yardstick: Baseline) -> Manifest {
    const PER_DELIVERY: &str = "one per delivery";
    const PER_WAKE_UP: &str = "one per member and wake-up";
    const KEPT: &str = "kept, what is due to them without a bound";
    let (writes, slow, tag) = match yardstick {
        Baseline::Floor => (PER_WAKE_UP, "ended 64 MiB behind", TUNED),
        Baseline::FloorBlocking => ("one per read", "waited for", IDIOMATIC),
        Baseline::NaiveSend => (PER_DELIVERY, "everybody waits for them", IDIOMATIC),
        Baseline::NaiveChannel | Baseline::NaiveWriter => (PER_DELIVERY, KEPT, IDIOMATIC),
        Baseline::NaiveQueue => (PER_WAKE_UP, KEPT, IDIOMATIC),
    };
    let mut known = program();
    if yardstick == Baseline::NaiveChannel {
        known.push(("workers", workers("as many as cores")));
    }
    known.extend([
        ("send buffer", "the system's".into()),
        ("writes", writes.into()),
        ("slow readers", slow.into()),
        tagged(tag),
    ]);
    named(known)
}

/// Of a broker.
pub(super) fn peer(installed: &Installed) -> Manifest {
    let set = installed.broker.tuned().to_owned();
    named(vec![("version", installed.version.clone()), ("set otherwise", set), tagged(TUNED)])
}

/// Of the stand-in for the tutorial's server.
pub(super) fn guest(command: &str) -> Manifest {
    named(vec![("command", command.to_owned()), tagged(IDIOMATIC)])
}

/// What all programs of this project have in common.
fn program() -> Vec<(&'static str, String)> {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    vec![
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("profile", profile.to_owned()),
        ("allocator", "the system's".into()),
        ("NODELAY", "yes".into()),
        ("backlog", format!("{BACKLOG}, at most net.core.somaxconn")),
    ]
}

/// Threads that run tasks: as the environment says, which the servers inherit.
fn workers(unasked: &str) -> String {
    env::var("TOKIO_WORKER_THREADS").unwrap_or_else(|_| unasked.into())
}

fn tagged(tag: &str) -> (&'static str, String) {
    ("tagged", tag.into())
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).to_string()
}

fn named(known: Vec<(&str, String)>) -> Manifest {
    known.into_iter().map(|(what, how)| (what.into(), how)).collect()
}

/// Written as its model is usually written.
const IDIOMATIC: &str = "idiomatic";
/// Made or set to cost little.
const TUNED: &str = "tuned";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_ours_tells_what_equal_work_depends_on() {
        let servers = Model::ALL.map(|model| ours(model, &Declared::default()));
        let yardsticks = Baseline::ALL.map(yardstick);
        for manifest in servers.iter().chain(&yardsticks) {
            for key in
                ["profile", "NODELAY", "backlog", "send buffer", "writes", "slow readers", "tagged"]
            {
                let entries = manifest.iter().filter(|(what, _)| what == key).count();
                assert_eq!(1, entries, "{key} of {manifest:?}");
            }
        }
    }

    #[test]
    fn limits_are_those_that_are_declared() {
        let patience = Some(std::time::Duration::from_secs(7));
        let declared = Declared { patience, memory: Some(3 << 20), ..Declared::default() };
        let manifest = ours(Model::Select, &declared);
        let of = |key: &str| &manifest.iter().find(|(what, _)| what == key).expect("it is told").1;
        assert_eq!(
            ("ended after 7s", "3.0 MiB"),
            (&**of("slow readers"), &**of("memory for messages"))
        );
    }
}
