//! Manifest: how each entrant works, so that a reader can judge whether two do equal work.

use std::env;

use bytesize::ByteSize;
use server_core::listen::BACKLOG;
use server_core::socket::{SEND_BUFFER_LARGE, SEND_BUFFER_SMALL};

use crate::baselines::{Baseline, Installed};
use crate::target::{Declared, Model};

/// Pairs of a property and its value.
type Manifest = Vec<(String, String)>;

/// The manifest of a server of this project with these limits.
pub(super) fn ours(model: Model, declared: &Declared) -> Manifest {
    let (small, large) = (size(SEND_BUFFER_SMALL as u64), size(SEND_BUFFER_LARGE as u64));
    let patience = declared.patience.map(|time| humantime::format_duration(time).to_string());
    let mut known = program();
    if model == Model::Async {
        known.push(("workers", workers("1")));
    }
    known.extend([
        ("send buffer", format!("{small}, {large} for a streaming member")),
        ("writes", "one per member and wake-up; small groups to a proving member".into()),
        (
            "slow readers",
            patience.map_or_else(|| "-".into(), |time| format!("aborted after {time}")),
        ),
        ("memory for messages", declared.memory.map_or_else(|| "-".into(), size)),
        ("log", "info, to a pipe".into()),
        tagged(TUNED),
    ]);
    named(known)
}

/// The manifest of a baseline.
pub(super) fn baseline(baseline: Baseline) -> Manifest {
    const PER_DELIVERY: &str = "one per delivery";
    const PER_WAKE_UP: &str = "one per member and wake-up";
    const KEPT: &str = "kept, with an unbounded queue";
    let (writes, slow, tag) = match baseline {
        Baseline::Floor => (PER_WAKE_UP, "aborted at a lag of 64 MiB", TUNED),
        Baseline::FloorBlocking => ("one per read", "block the sender", IDIOMATIC),
        Baseline::NaiveSend => (PER_DELIVERY, "block all members", IDIOMATIC),
        Baseline::NaiveChannel | Baseline::NaiveWriter => (PER_DELIVERY, KEPT, IDIOMATIC),
        Baseline::NaiveQueue => (PER_WAKE_UP, KEPT, IDIOMATIC),
    };
    let mut known = program();
    if baseline == Baseline::NaiveChannel {
        known.push(("workers", workers("one per core")));
    }
    known.extend([
        ("send buffer", "the system's default".into()),
        ("writes", writes.into()),
        ("slow readers", slow.into()),
        tagged(tag),
    ]);
    named(known)
}

/// The manifest of a broker.
pub(super) fn broker(installed: &Installed) -> Manifest {
    let set = installed.broker.tuned().to_owned();
    named(vec![("version", installed.version.clone()), ("changed settings", set), tagged(TUNED)])
}

/// The manifest of the stand-in for the tutorial's server.
pub(super) fn tutorial(command: &str) -> Manifest {
    named(vec![("command", command.to_owned()), tagged(IDIOMATIC)])
}

/// The properties that all programs of this project share.
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

/// The number of tokio's worker threads: the servers inherit the environment.
fn workers(default: &str) -> String {
    env::var("TOKIO_WORKER_THREADS").unwrap_or_else(|_| default.into())
}

fn tagged(tag: &str) -> (&'static str, String) {
    ("style", tag.into())
}

fn size(bytes: u64) -> String {
    ByteSize::b(bytes).to_string()
}

fn named(known: Vec<(&str, String)>) -> Manifest {
    known.into_iter().map(|(what, how)| (what.into(), how)).collect()
}

/// Written as its model usually is.
const IDIOMATIC: &str = "idiomatic";
/// Written or configured for low cost.
const TUNED: &str = "tuned";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_manifest_of_ours_has_the_same_keys() {
        let servers = Model::ALL.map(|model| ours(model, &Declared::default()));
        let baselines = Baseline::ALL.map(baseline);
        for manifest in servers.iter().chain(&baselines) {
            for key in
                ["profile", "NODELAY", "backlog", "send buffer", "writes", "slow readers", "style"]
            {
                let entries = manifest.iter().filter(|(what, _)| what == key).count();
                assert_eq!(1, entries, "{key} of {manifest:?}");
            }
        }
    }

    #[test]
    fn limits_are_the_declared_ones() {
        let patience = Some(std::time::Duration::from_secs(7));
        let declared = Declared { patience, memory: Some(3 << 20), ..Declared::default() };
        let manifest = ours(Model::Select, &declared);
        let of = |key: &str| {
            &manifest.iter().find(|(what, _)| what == key).expect("it is in the manifest").1
        };
        assert_eq!(
            ("aborted after 7s", "3.0 MiB"),
            (&**of("slow readers"), &**of("memory for messages"))
        );
    }
}
