//! The lab as a program: small runs of real servers, what it keeps, what it voids, and what an interrupt leaves.

#[path = "common/running.rs"]
mod running;

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use self::running::Running;

#[test]
fn a_quick_run_is_kept_and_does_not_differ_from_itself() {
    let out = Kept::new("kept");
    let output = lab(&["--only", "S64", "--repeats", "2", "--seed", "7"]).args(out.flag()).output();
    let (output, record) = (output.unwrap(), out.record());
    assert_eq!(Some(0), output.status.code(), "{}", text(&output));
    assert_eq!((Some(1), Some(7)), (record["format"].as_u64(), record["seed"].as_u64()));
    // Two, and each of them twice.
    let runs = record["runs"].as_array().unwrap();
    assert_eq!(4, runs.len());
    for run in runs {
        assert!(run["figures"]["deliveries"].as_f64().is_some_and(|rate| rate > 0.0), "{run}");
    }
    let report = text(&output);
    for told in ["NOT FOR QUOTING", "select again", "--seed 7", "S64/300: noise"] {
        assert!(report.contains(told), "{told:?} is missing:\n{report}");
    }
    let file = out.0.join("lab.json");
    let same = program().arg("diff").args([&file, &file]).output().unwrap();
    assert_eq!(Some(0), same.status.code(), "{}", text(&same));
    assert!(text(&same).starts_with("0 beyond the noise"), "{}", text(&same));
    identical_servers_tie(&out, record.clone());
    refuses_what_is_of_another_machine(&out, record);
}

/// One server's runs under its twin's name, and the other way round: by the meaning of noise, that is no difference.
fn identical_servers_tie(out: &Kept, mut record: Value) {
    for run in record["runs"].as_array_mut().expect("it is a list") {
        let twin = if run["entrant"] == "select" { "select again" } else { "select" };
        run["entrant"] = twin.into();
    }
    let (file, other) = (out.0.join("lab.json"), out.0.join("twins.json"));
    fs::write(&other, record.to_string()).expect(WRITABLE);
    let same = program().arg("diff").args([&file, &other]).output().expect(RUNS);
    assert_eq!(Some(0), same.status.code(), "{}", text(&same));
    assert!(text(&same).starts_with("0 beyond the noise"), "{}", text(&same));
}

fn refuses_what_is_of_another_machine(out: &Kept, mut record: Value) {
    record["environment"]["processor"] = "another one".into();
    let (file, other) = (out.0.join("lab.json"), out.0.join("other.json"));
    let diff = || program().arg("diff").args([&file, &other]).output().expect(RUNS);
    fs::write(&other, record.to_string()).expect(WRITABLE);
    let refused = diff();
    assert_eq!(Some(2), refused.status.code(), "{}", text(&refused));
    assert!(text(&refused).contains("another one"), "{}", text(&refused));
    fs::write(&other, "no report").expect(WRITABLE);
    let garbage = diff();
    assert_eq!(Some(3), garbage.status.code(), "{}", text(&garbage));
}

#[test]
fn a_server_that_loses_doubles_or_swaps_voids_its_cell() {
    for fault in ["drop", "double", "swap"] {
        let out = Kept::new(fault);
        let faulty = format!("faulty={PROGRAM} serve naive-send --defect {fault} {LISTEN}");
        let mut command = lab(&["--only", "S64", "--repeats", "1", "--server", &faulty]);
        let output = command.args(out.flag()).output().unwrap();
        assert_eq!(Some(1), output.status.code(), "{}", text(&output));
        let record = out.record();
        let broken = figures_of(&record, "faulty");
        assert!(broken.is_empty(), "{fault}: {broken:?}");
        let reasons = reasons_of(&record, "faulty");
        assert!(!reasons.is_empty(), "{fault}: {}", text(&output));
        assert_eq!(1, figures_of(&record, "select").len(), "{}", text(&output));
    }
}

#[test]
fn what_comes_late_is_seen_in_the_longest_times() {
    let out = Kept::new("delay");
    let faulty = format!("late={PROGRAM} serve naive-send --defect delay {LISTEN}");
    let mut command = lab(&["--only", "W2", "--repeats", "1", "--server", &faulty]);
    let output = command.args(out.flag()).output().unwrap();
    let record = out.record();
    let figures = figures_of(&record, "late");
    let [figures] = &figures[..] else { panic!("one run: {}", text(&output)) };
    // One delivery in a thousand is held back for 50 ms.
    let longest = figures["each_max"].as_f64().unwrap();
    assert!(longest >= 49_000.0, "{figures}");
}

#[test]
#[cfg(target_os = "linux")]
fn an_interrupt_reports_what_was_finished_and_leaves_nobody() {
    let out = Kept::new("interrupt");
    let mut command = lab(&["--only", "S64", "--repeats", "99"]);
    let mut lab = Running(command.args(out.flag()).spawn().unwrap());
    let mut progress = BufReader::new(lab.0.stderr.take().unwrap()).lines();
    let third = |line: &io::Result<String>| line.as_ref().is_ok_and(|line| line.contains("[4/"));
    assert!(progress.any(|line| third(&line)), "two runs were made, and a third begins");
    let servers = children(lab.0.id());
    kill_process(Pid::from_child(&lab.0), Signal::INT).unwrap();
    let report = io::read_to_string(lab.0.stdout.take().unwrap()).unwrap();
    assert_eq!(Some(130), lab.0.wait().unwrap().code(), "{report}");
    assert!(report.contains("INTERRUPTED"), "{report}");
    let record = out.record();
    assert_eq!(Some(true), record["is_interrupted"].as_bool());
    let runs = record["runs"].as_array().unwrap().len();
    assert!((2..198).contains(&runs), "{runs} runs were finished");
    for server in servers {
        assert!(test_kill_process(server).is_err(), "{server:?} is there still");
    }
}

#[cfg(target_os = "linux")]
/// The servers that a lab has started, as soon as there is one.
fn children(lab: u32) -> Vec<Pid> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let threads = fs::read_dir(format!("/proc/{lab}/task")).expect("it runs").flatten();
        let children = threads.map(|thread| fs::read_to_string(thread.path().join("children")));
        let children = children.map(Result::unwrap_or_default).collect::<Vec<_>>().join(" ");
        let ids = children.split_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?));
        let ids: Vec<Pid> = ids.collect();
        if !ids.is_empty() {
            return ids;
        }
    }
    panic!("it starts no server");
}

#[test]
fn what_cannot_be_done_is_told_before_anything_is_measured() {
    let taken = Kept::new("taken");
    fs::create_dir_all(taken.0.parent().unwrap()).unwrap();
    fs::write(&taken.0, "a file").unwrap();
    for (status, arguments, told) in [
        (3, &["--only", "W99"][..], "no such workload"),
        (3, &["--server", "mine"], "write NAME="),
        (3, &["--server", "async=./mine {port}"], "belongs to another entrant"),
        (3, &["--quick", "--full"], "cannot be used with"),
        (3, &["--targets", "--full"], "cannot be used with"),
        (2, &["--out", taken.0.to_str().unwrap()], "choose another directory"),
    ] {
        let output = program().arg("lab").args(arguments).output().unwrap();
        assert_eq!(Some(status), output.status.code(), "{arguments:?}: {}", text(&output));
        assert!(text(&output).contains(told), "{arguments:?}: {}", text(&output));
    }
    fs::remove_file(&taken.0).unwrap();
}

#[test]
fn what_needs_more_files_than_there_are_is_no_success() {
    let script = format!("ulimit -n 256; exec {PROGRAM} lab --quick --only MEM --no-floor");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(Some(2), output.status.code(), "{}", text(&output));
    assert!(text(&output).contains("nothing of it can be measured: "), "{}", text(&output));
}

#[test]
fn the_list_measures_nothing() {
    let output = program().args(["lab", "--list", "--full"]).output().unwrap();
    let list = text(&output);
    assert_eq!(Some(0), output.status.code(), "{list}");
    for told in ["W2/50@1600", "SIZE/9000", "shows fan-out with little to gather", "times each"] {
        assert!(list.contains(told), "{told:?} is missing:\n{list}");
    }
}

/// A directory for reports, removed with this value.
struct Kept(PathBuf);

impl Kept {
    fn new(name: &str) -> Self {
        let name = format!("lab-{name}-{}", std::process::id());
        Self(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name))
    }

    fn flag(&self) -> [&str; 2] {
        ["--out", self.0.to_str().expect("a path of plain letters")]
    }

    fn record(&self) -> Value {
        let read = |name| fs::read_to_string(self.0.join(name)).expect("it was kept");
        assert!(read("lab.txt").contains("All runs"));
        serde_json::from_str(&read("lab.json")).expect("it is JSON")
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Where nothing was kept there is nothing to remove.
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The figures of an entrant's runs that have some.
fn figures_of(record: &Value, entrant: &str) -> Vec<Value> {
    let runs = list(record, "runs").iter();
    let of_it = runs.filter(|run| run["entrant"] == entrant).map(|run| run["figures"].clone());
    of_it.filter(|figures| figures.as_object().is_some_and(|figures| !figures.is_empty())).collect()
}

/// Why it has none: void runs, and points that its gate closed.
fn reasons_of(record: &Value, entrant: &str) -> Vec<String> {
    let void = list(record, "runs").iter();
    let void = void.filter(|run| run["entrant"] == entrant).filter_map(|run| run["void"].as_str());
    let left_out = list(record, "left_out").iter();
    let left_out =
        left_out.filter(|left| left["entrant"] == entrant && left["point"] != "system calls");
    let reasons = left_out.filter_map(|left| left["reason"].as_str());
    void.chain(reasons).map(String::from).collect()
}

fn list<'a>(record: &'a Value, key: &str) -> &'a [Value] {
    record[key].as_array().expect("it is a list")
}

/// A small lab of one server and its control.
fn lab(arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(["lab", "--quick", "--servers", "select", "--no-floor"]).args(arguments);
    command
}

fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance");
const RUNS: &str = "the program can be run";
const WRITABLE: &str = "the directory for tests can be written to";
const LISTEN: &str = "--listen 127.0.0.1:{port}";
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
