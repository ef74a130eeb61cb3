//! The siege as a program: a short one of a real server, its exit status, and what remains after an
//! interrupt.

#[path = "common/running.rs"]
mod running;

use std::io::{self, BufRead, BufReader};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use self::running::Running;

#[test]
fn a_few_hostile_clients_of_every_kind_do_no_harm() {
    let output = siege(&["select", "--seconds-per-kind", "0.2"]).output().unwrap();
    let report = text(&output);
    // On a machine that is too slow some kinds are inconclusive, but none does harm.
    assert!(matches!(output.status.code(), Some(0 | 2)), "{report}");
    assert!(report.contains(" harmless, 0 harmed, "), "{report}");
    // These ends show that the hostile clients were connected, and that they met the server's
    // limits.
    for end in ["rejected (at byte 25: a frame of 9999999999 bytes", "ended by the client"] {
        assert!(report.contains(end), "{end:?} is missing:\n{report}");
    }
}

#[test]
fn a_server_that_does_not_start_is_inconclusive() {
    let output = siege(&["--server", "./no-such-server {port}", "--only", "silent"]).output();
    let output = output.unwrap();
    assert_eq!(Some(2), output.status.code(), "{}", text(&output));
    assert!(text(&output).contains("0 harmless, 0 harmed, 1 inconclusive"), "{}", text(&output));
}

#[test]
fn a_wrong_command_line_has_exit_status_3() {
    for wrong in [&["--only", "friendly"][..], &["nobody"], &["--honest", "1"]] {
        assert_eq!(Some(3), siege(wrong).output().unwrap().status.code(), "{wrong:?}");
    }
}

#[test]
fn an_interrupt_reports_the_finished_kinds() {
    let long = ["select", "--seconds-per-kind", "0.2", "--only", "silent,churning,mixed"];
    let mut siege = Running(siege(&long).spawn().unwrap());
    let mut progress = BufReader::new(siege.0.stderr.take().unwrap()).lines();
    let second = progress.find(|line| line.as_ref().is_ok_and(|line| line.starts_with("[2/3]")));
    assert!(second.is_some(), "the second kind begins");
    kill_process(Pid::from_child(&siege.0), Signal::INT).unwrap();
    let report = io::read_to_string(siege.0.stdout.take().unwrap()).unwrap();
    assert_eq!(Some(2), siege.0.wait().unwrap().code(), "{report}");
    let table = report.lines().filter(|line| line.trim_start().starts_with("select"));
    assert_eq!(2, table.count(), "one kind, in the table and in the list of ends:\n{report}");
}

fn siege(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.args(["siege", "--short", "--honest", "5", "--hostile", "10"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}
