//! Out: where the report is kept, and what it says of its own making.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::args::LabArgs;
use super::point::Point;
use super::record::Record;
use super::report;
use crate::console::Frame;
use crate::subject::quoted;
use crate::token::mixed;

/// A directory that can be written to.
pub(super) struct Out {
    directory: PathBuf,
}

impl Out {
    /// Makes the directory if it is not there, and finds out now whether the report can be kept.
    pub(super) fn prepare(directory: &Path) -> io::Result<Self> {
        let failed = |error: io::Error| {
            let place = directory.display();
            let advice = "choose another directory for --out";
            io::Error::new(error.kind(), format!("{place} cannot be written ({error}): {advice}"))
        };
        fs::create_dir_all(directory).map_err(failed)?;
        // A report that is there already stays until there is another.
        let probe = directory.join(".lab-probe");
        File::create(&probe).map_err(failed)?;
        fs::remove_file(&probe).map_err(failed)?;
        Ok(Self { directory: directory.into() })
    }

    /// Writes `lab.json` and `lab.txt`.
    pub(super) fn keep(&self, record: &Record) -> io::Result<()> {
        fs::write(self.directory.join("lab.json"), record.to_json() + "\n")?;
        let text = report::render(record, Frame::Plain);
        let runs = report::all_runs(record);
        fs::write(self.directory.join("lab.txt"), format!("{text}\n\n{runs}\n"))
    }
}

/// The command that does the same again, at all points or at this one.
pub(super) fn command(args: &LabArgs, seed: u64, point: Option<&Point>) -> String {
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
        ("--guests", args.guests),
        ("--rungs", args.rungs),
        ("--peers", args.peers),
        ("--no-floor", args.no_floor),
    ];
    words.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| (*flag).to_owned()));
    words.join(" ")
}

fn shell_word(word: &str) -> String {
    quoted(&OsString::from(word))
}

/// A seed that differs from run to run.
pub(super) fn drawn_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Six digits are enough to tell runs apart, and short enough to be typed again.
    mixed(u64::from(since.subsec_nanos()) ^ since.as_secs()) % 1_000_000
}

/// The time, as files have it.
pub(super) fn now() -> String {
    jiff::Timestamp::now()
        .round(jiff::Unit::Second)
        .map_or_else(|_| jiff::Timestamp::now().to_string(), |now| now.to_string())
}
