//! The program's output: the width of its help, and the exit status when it cannot be written or
//! its reader has gone.

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
fn help_fits_in_80_columns_and_has_examples() {
    for arguments in
        [&["--help"][..], &["check", "--help"], &["list", "--help"], &["serve", "--help"]]
    {
        let output = program(arguments).env("COLUMNS", "80").output().unwrap();
        let help = String::from_utf8_lossy(&output.stdout);
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        assert!(help.contains("\nExamples:\n"), "{help}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_reported_in_one_line() {
    for arguments in [&["list"][..], &["--help"], &one_row()] {
        let output = program(arguments).stdout(full()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(Some(2), output.status.code(), "{arguments:?}: {stderr}");
        assert_eq!(1, stderr.lines().count(), "{arguments:?}: {stderr}");
        assert!(stderr.contains("cannot be written"), "{arguments:?}: {stderr}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn the_status_is_right_even_if_no_error_can_be_written() {
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
fn a_reader_that_closes_the_pipe_ends_the_run() {
    let endless = [&["check", "--repeat", "1000000"][..], &one_row()[1..]].concat();
    let mut check = Running(program(&endless).spawn().unwrap());
    let mut reader = BufReader::new(check.0.stdout.take().unwrap());
    reader.read_line(&mut String::new()).unwrap();
    drop(reader);
    let stderr = check.0.stderr.take().unwrap();
    let (sender, end) = mpsc::channel();
    thread::spawn(move || sender.send(io::read_to_string(stderr)));
    let stderr = end.recv_timeout(DEADLINE).expect("the run ends").unwrap();
    // The status of a program that SIGPIPE has ended, and no message.
    let status = check.0.wait().unwrap().code();
    assert_eq!((Some(128 + Signal::PIPE.as_raw()), ""), (status, &*stderr));
}

/// A check of one rule with one of our servers.
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
/// No step takes this long unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);
