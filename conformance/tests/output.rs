//! The program's exit status when what it prints cannot be written, or nobody reads it any more.

#[path = "common/running.rs"]
mod running;

use std::io::{self, BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use self::running::Running;

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_in_one_line() {
    for arguments in [&["list"][..], &["--help"], &one_row()] {
        let output = program(arguments).stdout(full()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(Some(2), output.status.code(), "{arguments:?}: {told}");
        assert_eq!(1, told.lines().count(), "{arguments:?}: {told}");
        assert!(told.contains("cannot be written"), "{arguments:?}: {told}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn where_nothing_can_be_told_the_status_still_is_right() {
    for (status, arguments) in [
        (0, &one_row()[..]),
        (2, &["check", "--", "./no-such-server", "{port}"]),
        (3, &["check", "--only", "XXX-01", "--", "./no-such-server", "{port}"]),
        (3, &["check", "--level", "3", "--", "./no-such-server", "{port}"]),
    ] {
        let ended = program(arguments).stdout(Stdio::null()).stderr(full()).status().unwrap();
        assert_eq!(Some(status), ended.code(), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_ends_the_run() {
    let endless = [&["check", "--repeat", "1000000"][..], &one_row()[1..]].concat();
    let mut check = Running(program(&endless).spawn().unwrap());
    let mut seen = BufReader::new(check.0.stdout.take().unwrap());
    seen.read_line(&mut String::new()).unwrap();
    drop(seen);
    let stderr = check.0.stderr.take().unwrap();
    let (tell, end) = mpsc::channel();
    thread::spawn(move || tell.send(io::read_to_string(stderr)));
    let told = end.recv_timeout(PATIENCE).expect("the run ends").unwrap();
    // As of a program that SIGPIPE has ended, and without a word.
    let status = check.0.wait().unwrap().code();
    assert_eq!((Some(128 + Signal::PIPE.as_raw()), ""), (status, &*told));
}

/// One row of one of our own servers.
fn one_row() -> [&'static str; 9] {
    let address = "127.0.0.1:{port}";
    ["check", "--only", "RLY-02", "--", PROGRAM, "serve", "select", "--listen", address]
}

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A device on which every write fails.
#[cfg(target_os = "linux")]
fn full() -> Stdio {
    std::fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has /dev/full").into()
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance");
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
