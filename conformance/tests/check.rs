//! The command `check`: without a server, with a manifest, with a client, and interrupted.

#[path = "common/running.rs"]
mod running;

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs, process, thread};

use conformance::process::ServerProcess;
use conformance::support::interrupt::ignores_hangup;
use conformance::target::Model;
use rustix::process::{Pid, Signal, kill_process};
use socket2::{Domain, Socket, Type};

use self::running::Running;

#[test]
fn an_address_without_a_server_is_reported_once() {
    // A bound socket that does not listen: no other program can have the port, and connections are
    // refused.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    assert_one_error(
        &check(["--connect", &address.to_string()]),
        &format!("nothing listens at {address}: start the server first"),
    );
}

#[test]
fn a_missing_program_is_reported_once() {
    assert_one_error(
        &check(["--", "./no-such-server", "{port}"]),
        "./no-such-server cannot be started: No such file or directory",
    );
}

#[test]
fn a_command_that_ends_at_once_is_reported_once_with_its_output() {
    let output = check(["--", "sh", "-c", "echo no such option >&2; exit 7", "sh", "{port}"]);
    assert_one_error(&output, "the server ended before it was ready (exit status: 7)");
    assert!(stderr(&output).ends_with("no such option\n"), "{}", stderr(&output));
}

#[test]
fn an_unknown_rule_is_an_error() {
    let output = check(["--only", "RLY-03,XXX,yyy", "--connect", UNUSED]);
    assert_eq!(Some(3), output.status.code());
    assert!(
        stderr(&output).starts_with("conformance: there is no rule XXX, yyy: "),
        "{}",
        stderr(&output)
    );
}

#[test]
fn numbers_out_of_range_are_errors() {
    for arguments in [["--repeat", "0"], ["--level", "3"], ["--slack", "0"]] {
        let [flag, value] = arguments;
        let output = check([flag, value, "--connect", UNUSED]);
        assert_eq!(Some(3), output.status.code(), "{flag} {value}: {}", stderr(&output));
    }
}

#[test]
fn a_server_that_runs_already_passes() {
    let exe = Path::new(env!("CARGO_BIN_EXE_conformance"));
    let server = ServerProcess::ours(Model::Select, exe, &[]).unwrap();
    let address = server.addr().to_string();
    let output = check(["--level", "1", "--connect", &address]);
    assert_eq!(Some(0), output.status.code(), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn with_a_manifest_a_server_is_tested_for_what_it_declares() {
    let output = check_ours(OURS);
    let stdout = stdout(&output);
    assert_eq!(Some(0), output.status.code(), "{stdout}{}", stderr(&output));
    for id in DECLARED {
        assert!(stdout.contains(&format!("PASS         {id}")), "{stdout}");
    }
}

#[test]
fn without_a_manifest_rules_about_declared_limits_are_unsupported() {
    let rows = DECLARED.join(",");
    let command = ["--only", &rows, "--", PROGRAM, "serve", "select", "--listen", ANY_PORT];
    let output = check(command);
    let stdout = stdout(&output);
    assert_eq!(Some(2), output.status.code(), "{stdout}{}", stderr(&output));
    assert_eq!(DECLARED.len(), stdout.matches("UNSUPPORTED  ").count(), "{stdout}");
    for reason in ["does not declare its name timeout", "no words for --relay everyone"] {
        assert!(stdout.contains(reason), "{stdout}");
    }
}

#[test]
fn the_server_is_started_with_the_words_of_the_manifest() {
    let wrong = TempFile::holding("[flags]\n\"--relay everyone\" = \"--relay sender\"\n");
    let output = check_ours(wrong.0.to_str().unwrap());
    let stdout = stdout(&output);
    assert_eq!(Some(1), output.status.code(), "{stdout}{}", stderr(&output));
    assert!(stdout.contains("FAIL         RLY-10"), "{stdout}");
    let rerun = format!("--only RLY-10 --seed 7 --manifest {} -- ", wrong.0.display());
    assert!(stdout.contains(&rerun), "{rerun} is not in {stdout}");
}

#[test]
fn a_mistake_in_a_manifest_is_reported_with_its_line() {
    let wrong = TempFile::holding("# mine\npatience = 1\n");
    let output = check_ours(wrong.0.to_str().unwrap());
    let expected = format!(
        "conformance: {}:2: this is not a time: write a text such as \"500ms\"\n",
        wrong.0.display()
    );
    assert_eq!((Some(3), expected), (output.status.code(), stderr(&output)));
}

#[test]
fn a_client_is_tested_against_the_rules_for_clients() {
    let output = check(["--client", "--", PROGRAM, "chat", ANY_PORT]);
    let stdout = stdout(&output);
    assert_eq!(Some(0), output.status.code(), "{stdout}{}", stderr(&output));
    assert!(stdout.contains("PASS         CLI-01") && !stdout.contains("RLY-01"), "{stdout}");
}

#[test]
fn a_client_that_does_not_connect_is_reported_once_with_its_output() {
    let output = check(["--client", "--", PROGRAM, "chat", UNUSED]);
    assert_one_error(&output, "; it printed:\nclient-cli: cannot reach 127.0.0.1:1");
}

#[test]
fn a_hangup_leaves_no_server_behind() {
    if ignores_hangup() {
        return eprintln!("skipped: under nohup a hangup does not end the program");
    }
    let fifo = Fifo::new();
    // The server is never ready, so it runs until it is killed.
    let script = format!("exec sleep 60 > {}", fifo.0.display());
    let mut check = Running(command(["--", "sh", "-c", &script, "sh", "{port}"]).spawn().unwrap());
    // Opening the pipe waits for the server; EOF shows that the server has ended.
    let mut pipe = fifo.open_within(DEADLINE);
    kill_process(Pid::from_child(&check.0), Signal::HUP).unwrap();
    let (sender, ended) = mpsc::channel();
    thread::spawn(move || sender.send(pipe.read_to_end(&mut Vec::new())));
    assert_eq!(0, ended.recv_timeout(DEADLINE).expect("the server has ended").unwrap());
    assert_eq!(Some(128 + Signal::HUP.as_raw()), check.0.wait().unwrap().code());
}

#[test]
fn a_limit_too_small_to_be_measured_in_memory_is_skipped() {
    let small = TempFile::holding("max-message = \"1KiB\"\n");
    let manifest = small.0.to_str().unwrap();
    let which = ["--manifest", manifest, "--only", "LIM-01", "--", PROGRAM, "serve", "select"];
    let server = ["--max-message", "1KiB", "--listen", ANY_PORT];
    let output = command(which.into_iter().chain(server)).output().unwrap();
    assert!(stdout(&output).contains("SKIP         LIM-01"), "{}", stdout(&output));
}

/// Checks one of our servers by its command, as a server that is not ours.
fn check_ours(manifest: &str) -> Output {
    let rows = DECLARED.join(",");
    let which = ["--manifest", manifest, "--seed", "7", "--only", &rows];
    let server = ["--", PROGRAM, "serve", "select", "--listen", ANY_PORT];
    command(which.into_iter().chain(server)).output().expect("the program of this package starts")
}

fn check<const N: usize>(arguments: [&str; N]) -> Output {
    command(arguments).output().expect("the program of this package starts")
}

fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_conformance"));
    command.arg("check").args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Asserts that there is no line per rule, but one error with this cause, and exit status 2.
fn assert_one_error(output: &Output, cause: &str) {
    let stderr = stderr(output);
    assert_eq!((Some(2), ""), (output.status.code(), &*String::from_utf8_lossy(&output.stdout)));
    assert_eq!(1, stderr.matches("conformance: ").count(), "{stderr}");
    assert!(stderr.contains(cause), "{cause:?} is not in {stderr}");
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file with this text, which is removed on drop.
struct TempFile(PathBuf);

impl TempFile {
    fn holding(text: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("manifest-{}-{number}.toml", process::id()));
        fs::write(&path, text).expect("the temporary directory can be written to");
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // If this fails, the file stays in the temporary directory.
        fs::remove_file(&self.0).ok();
    }
}

/// A named pipe, which is removed on drop.
struct Fifo(PathBuf);

impl Fifo {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("conformance-check-{}", process::id()));
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo is installed");
        assert!(made.success(), "{} cannot be made", path.display());
        Self(path)
    }

    fn open_within(&self, deadline: Duration) -> File {
        let path = self.0.clone();
        let (sender, opened) = mpsc::channel();
        thread::spawn(move || sender.send(File::open(path)));
        opened.recv_timeout(deadline).expect("the server has started").expect("the pipe exists")
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        // If this fails, the pipe stays in the temporary directory.
        fs::remove_file(&self.0).ok();
    }
}

/// No step takes this long unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);
const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance");
const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/ours.toml");
const ANY_PORT: &str = "127.0.0.1:{port}";
/// Rules that need a declared limit, a flag with a value, or a flag without one.
const DECLARED: [&str; 4] = ["RLY-10", "UTF-05", "LIM-03", "HSK-08"];
/// An address for command lines whose mistake is found before a connection is made.
const UNUSED: &str = "127.0.0.1:1";
