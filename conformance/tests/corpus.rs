//! Corpus: every file of bad input, sent to the three servers and to the room in memory. There is
//! one trial per target and way of sending, with a name such as `select::whole`.

#[path = "corpus/outcomes.rs"]
mod outcomes;
#[path = "corpus/play.rs"]
mod play;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use conformance::process::ServerProcess;
use conformance::spec::rules;
use conformance::target::{MemoryRoom, Model, Target, TcpWire};
use libtest_mimic::{Arguments, Failed, Trial};
use outcomes::{Entry, folder, table};
use play::{Members, Way};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let entries = Arc::new(table());
    let checked = Arc::clone(&entries);
    let mut trials = vec![Trial::test("table", move || check_table(&checked))];
    for way in [Way::Whole, Way::Bytewise] {
        for model in Model::ALL {
            let entries = Arc::clone(&entries);
            trials.push(Trial::test(format!("{model}::{way}"), move || live(model, way, &entries)));
        }
        let entries = Arc::clone(&entries);
        trials.push(Trial::test(format!("room::{way}"), move || in_memory(way, &entries)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Checks that the table has an entry for each file and no other, and that the rules of each entry
/// exist.
fn check_table(entries: &[Entry]) -> Result<(), Failed> {
    let named: Vec<_> = entries.iter().map(|entry| entry.file.clone()).collect();
    if named != files() {
        let missing: Vec<_> = files().into_iter().filter(|file| !named.contains(file)).collect();
        let more: Vec<_> = named.into_iter().filter(|name| !files().contains(name)).collect();
        return Err(format!("not in the table: {missing:?}; no such file: {more:?}").into());
    }
    let ids: Vec<String> = rules().into_iter().map(|rule| rule.id).collect();
    for entry in entries {
        let known = |id: &String| ids.contains(id);
        if entry.rules.is_empty() || !entry.rules.iter().all(known) {
            return Err(format!(
                "{}: rules of SPEC.md expected, got {:?}",
                entry.file, entry.rules
            )
            .into());
        }
    }
    if entries.len() < 300 {
        return Err(format!("only {} files: the search for files is wrong", entries.len()).into());
    }
    Ok(())
}

/// The paths of all files of the corpus, sorted.
fn files() -> Vec<String> {
    let list = |path: &Path| {
        let entries = fs::read_dir(path).expect("a folder of the corpus can be read");
        entries.map(|entry| entry.expect("its entries can be read").path()).collect::<Vec<_>>()
    };
    let folders = list(&folder()).into_iter().filter(|path| path.is_dir());
    let mut files: Vec<String> = folders
        .flat_map(|path| list(&path))
        .map(|path| {
            let path = path.strip_prefix(folder()).expect("it is in the folder");
            path.to_str().expect("the names are UTF-8").to_owned()
        })
        .collect();
    files.sort();
    files
}

/// Sends the files to a server, which must have counted the reasons of the table when it ends.
fn live(model: Model, way: Way, entries: &[Entry]) -> Result<(), Failed> {
    let server = ServerProcess::ours(model, env!("CARGO_BIN_EXE_conformance").as_ref(), &FLAGS)?;
    let addr = server.addr();
    let mut members = Members::join(Box::new(move || Ok(Box::new(TcpWire::connect(addr)?))))?;
    let played: Vec<&Entry> =
        entries.iter().filter(|entry| way.is_quick_over_a_network(entry)).collect();
    play_all(&mut members, way, &played)?;
    server.terminate();
    let status = server.wait(EXIT_WITHIN).ok_or("the server does not end at SIGTERM")?;
    if !status.success() {
        return Err(format!("exit status 0 expected, got {status}").into());
    }
    let log = server.last_log(EXIT_WITHIN).ok_or("the server's outputs stay open")?;
    compare_counts(&played, &log)
}

/// Sends the files to a room in memory.
fn in_memory(way: Way, entries: &[Entry]) -> Result<(), Failed> {
    let room = MemoryRoom.start(&FLAGS.map(String::from))?;
    let mut members = Members::join(Box::new(move || room.connect()))?;
    play_all(&mut members, way, &entries.iter().collect::<Vec<_>>())
}

/// Sends one file after the other, and ends after [`FAILURES_MAX`] failures.
fn play_all(members: &mut Members, way: Way, entries: &[&Entry]) -> Result<(), Failed> {
    let mut failures = Vec::new();
    for entry in entries {
        let got = members.play(entry, way)?;
        if !entry.allows(&got, way) {
            let expected = &entry.outcome;
            failures.push(format!("{}\n expected\n{expected} got\n{got}", entry.file));
        }
        if failures.len() == FAILURES_MAX {
            break;
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// Compares the number of connections per close reason with the server's last line of log.
fn compare_counts(entries: &[&Entry], log: &str) -> Result<(), Failed> {
    let mut expected = BTreeMap::new();
    for entry in entries {
        *expected.entry(format!("closed_{}", entry.end)).or_insert(0) += 1;
    }
    let last = log.lines().rfind(|line| line.contains("stopped:"));
    let last = last.ok_or("the log has no line with `stopped:`")?;
    let counts = last.split(' ').filter_map(|word| word.split_once('='));
    let got: BTreeMap<String, i32> = counts
        .filter(|(label, _)| label.starts_with("closed_") && *label != "closed_shutdown")
        .filter_map(|(label, count)| Some((label.to_owned(), count.parse().ok()?)))
        .collect();
    if got == expected {
        return Ok(());
    }
    Err(format!("connections per close reason: expected {expected:?}, got {got:?}").into())
}

/// The limit for which the table was made, and timeouts that do not end on a slow machine.
const FLAGS: [&str; 6] = ["--max-message", "64", "--reject-linger", "1m", "--frame-timeout", "1m"];
const FAILURES_MAX: usize = 5;
const EXIT_WITHIN: Duration = Duration::from_secs(20);
