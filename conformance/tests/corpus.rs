//! Every file of bad input, played to the three servers and to the room in memory: one trial per target
//! and way of sending, named as in `select::whole`.

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
use play::{Company, Way};

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

/// Every file has its entry and every entry its file; what an entry refers to exists.
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
        return Err(format!("only {} files: the search is wrong", entries.len()).into());
    }
    Ok(())
}

/// Every file of the corpus, sorted.
fn files() -> Vec<String> {
    let list = |path: &Path| {
        let entries = fs::read_dir(path).expect("a folder of the tree can be read");
        entries.map(|entry| entry.expect("an entry can be read").path()).collect::<Vec<_>>()
    };
    let folders = list(&folder()).into_iter().filter(|path| path.is_dir());
    let mut files: Vec<String> = folders
        .flat_map(|path| list(&path))
        .map(|path| {
            let path = path.strip_prefix(folder()).expect("it was found in there");
            path.to_str().expect("the names are plain").to_owned()
        })
        .collect();
    files.sort();
    files
}

/// Against a server; at its end it must have counted the reasons of the table.
fn live(model: Model, way: Way, entries: &[Entry]) -> Result<(), Failed> {
    let server = ServerProcess::ours(model, env!("CARGO_BIN_EXE_conformance").as_ref(), &FLAGS)?;
    let addr = server.addr();
    let mut company = Company::gather(Box::new(move || Ok(Box::new(TcpWire::connect(addr)?))))?;
    let played: Vec<&Entry> = entries.iter().filter(|entry| way.suits_a_network(entry)).collect();
    play_all(&mut company, way, &played)?;
    server.terminate();
    let status = server.wait(EXIT_WITHIN).ok_or("the server does not end")?;
    if !status.success() {
        return Err(format!("exit status 0 expected, got {status}").into());
    }
    let log = server.last_log(EXIT_WITHIN).ok_or("its log does not end")?;
    compare_counts(&played, &log)
}

fn in_memory(way: Way, entries: &[Entry]) -> Result<(), Failed> {
    let room = MemoryRoom.start(&FLAGS.map(String::from))?;
    let mut company = Company::gather(Box::new(move || room.connect()))?;
    play_all(&mut company, way, &entries.iter().collect::<Vec<_>>())
}

/// Plays file after file; a broken server is not asked for all of them.
fn play_all(company: &mut Company, way: Way, entries: &[&Entry]) -> Result<(), Failed> {
    let mut failures = Vec::new();
    for entry in entries {
        let got = company.play(entry, way)?;
        if got != entry.outcome {
            let expected = &entry.outcome;
            failures.push(format!("{}\n expected\n{expected} got\n{got}", entry.file));
        }
        if failures.len() == FAILURES_MAX {
            break;
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// Compares how many connections ended for which reason with the server's last words.
fn compare_counts(entries: &[&Entry], log: &str) -> Result<(), Failed> {
    let mut expected = BTreeMap::new();
    for entry in entries {
        *expected.entry(format!("closed_{}", entry.end)).or_insert(0) += 1;
    }
    let last = log.lines().rfind(|line| line.contains("stopped:")).ok_or("no last words")?;
    let counts = last.split(' ').filter_map(|word| word.split_once('='));
    let got: BTreeMap<String, i32> = counts
        .filter(|(label, _)| label.starts_with("closed_") && *label != "closed_shutdown")
        .filter_map(|(label, count)| Some((label.to_owned(), count.parse().ok()?)))
        .collect();
    if got == expected {
        return Ok(());
    }
    Err(format!("ends by reason: expected {expected:?}, got {got:?}").into())
}

/// The table is made for this limit; nobody is hurried by a busy machine.
const FLAGS: [&str; 6] = ["--max-message", "64", "--reject-linger", "1m", "--frame-timeout", "1m"];
const FAILURES_MAX: usize = 5;
const EXIT_WITHIN: Duration = Duration::from_secs(20);
