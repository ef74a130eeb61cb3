//! Command: the command line that repeats a measurement, its seed, and the time.

use std::ffi::OsString;
use std::time::SystemTime;

use super::args::LabArgs;
use super::point::Point;
use crate::support::quote::quoted;
use crate::support::token::mixed;

/// The command that repeats the measurement, at all points or at this one.
pub(crate) fn repeating(args: &LabArgs, seed: u64, point: Option<&Point>) -> String {
    let servers: Vec<&str> = args.servers().iter().map(|model| model.name()).collect();
    let mut words = vec!["cargo".to_owned(), "lab".into(), "--servers".into(), servers.join(",")];
    let mut add = |flag: &str, value: &str| words.extend([flag.to_owned(), shell_word(value)]);
    for (name, line) in &args.server {
        add("--server", &format!("{name}={line}"));
    }
    for (name, addr) in &args.connect {
        add("--connect", &format!("{name}={addr}"));
    }
    match point {
        Some(point) if point.workload.id == "OWN" => args.own_flags(&mut add),
        Some(point) => add("--only", &point.id),
        None => {
            args.own_flags(&mut add);
            if !args.only.is_empty() {
                add("--only", &args.only.join(","));
            }
        }
    }
    add("--repeats", &args.repeats().to_string());
    add("--seed", &seed.to_string());
    let flags = [
        ("--quick", args.quick),
        ("--full", args.full),
        ("--targets", args.targets),
        ("--tutorial", args.tutorial),
        ("--naive", args.naive),
        ("--brokers", args.brokers),
        ("--no-floor", args.no_floor),
    ];
    words.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| (*flag).to_owned()));
    words.join(" ")
}

fn shell_word(word: &str) -> String {
    quoted(&OsString::from(word))
}

/// A random seed.
pub(crate) fn drawn_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Six digits make a collision of two runs unlikely, and are short enough to type.
    mixed(u64::from(since.subsec_nanos()) ^ since.as_secs()) % 1_000_000
}

/// The current time in UTC, to the second, as the record stores it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now()
        .round(jiff::Unit::Second)
        .map_or_else(|_| jiff::Timestamp::now().to_string(), |now| now.to_string())
}
