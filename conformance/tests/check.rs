//! `check` as a user meets it when there is no server to check, and when it is ended in the middle.

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
fn a_place_where_nothing_listens_is_told_once() {
    // A bound socket that does not listen: the port is nobody else's, and refuses.
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let address = silent.local_addr().unwrap().as_socket().unwrap();
    assert_told_once(
        &check(["--connect", &address.to_string()]),
        &format!("nothing listens at {address}: start the server first"),
    );
}

#[test]
fn a_command_that_does_not_exist_is_told_once() {
    assert_told_once(
        &check(["--", "./no-such-server", "{port}"]),
        "./no-such-server cannot be started: No such file or directory",
    );
}

#[test]
fn a_command_that_ends_at_once_is_told_once_with_its_own_words() {
    let output = check(["--", "sh", "-c", "echo no such option >&2; exit 7", "sh", "{port}"]);
    assert_told_once(&output, "the server ended before it was ready (exit status: 7)");
    assert!(told(&output).ends_with("no such option\n"), "{}", told(&output));
}

#[test]
fn a_rule_that_does_not_exist_is_told() {
    let output = check(["--only", "RLY-03,XXX,yyy", "--connect", NOBODY]);
    assert_eq!(Some(3), output.status.code());
    assert!(told(&output).starts_with("conformance: no rule XXX, yyy; "), "{}", told(&output));
}

#[test]
fn numbers_out_of_range_are_told() {
    for arguments in [["--repeat", "0"], ["--level", "3"], ["--slack", "0"]] {
        let [flag, value] = arguments;
        let output = check([flag, value, "--connect", NOBODY]);
        assert_eq!(Some(3), output.status.code(), "{flag} {value}: {}", told(&output));
    }
}

#[test]
fn a_healthy_server_passes_while_it_runs() {
    let exe = Path::new(env!("CARGO_BIN_EXE_conformance"));
    let server = ServerProcess::ours(Model::Select, exe, &[]).unwrap();
    let address = server.addr().to_string();
    let output = check(["--level", "1", "--connect", &address]);
    assert_eq!(Some(0), output.status.code(), "{}{}", shown(&output), told(&output));
}

#[test]
fn with_a_manifest_a_foreign_server_is_held_to_what_it_declares() {
    let output = check_ours(OURS);
    let shown = shown(&output);
    assert_eq!(Some(0), output.status.code(), "{shown}{}", told(&output));
    for id in DECLARED {
        assert!(shown.contains(&format!("PASS         {id}")), "{shown}");
    }
}

#[test]
fn without_one_what_it_would_have_to_declare_is_unsupported() {
    let rows = DECLARED.join(",");
    let command = ["--only", &rows, "--", PROGRAM, "serve", "select", "--listen", ANY_PORT];
    let output = check(command);
    let shown = shown(&output);
    assert_eq!(Some(2), output.status.code(), "{shown}{}", told(&output));
    assert_eq!(DECLARED.len(), shown.matches("UNSUPPORTED  ").count(), "{shown}");
    for reason in ["does not declare its name timeout", "no words for --relay everyone"] {
        assert!(shown.contains(reason), "{shown}");
    }
}

#[test]
fn the_words_of_a_manifest_are_what_the_server_is_started_with() {
    let wrong = TempFile::holding("[flags]\n\"--relay everyone\" = \"--relay sender\"\n");
    let output = check_ours(wrong.0.to_str().unwrap());
    let shown = shown(&output);
    assert_eq!(Some(1), output.status.code(), "{shown}{}", told(&output));
    assert!(shown.contains("FAIL         RLY-10"), "{shown}");
    let rerun = format!("--only RLY-10 --seed 7 --manifest {} -- ", wrong.0.display());
    assert!(shown.contains(&rerun), "{rerun} is not in {shown}");
}

#[test]
fn a_mistake_in_a_manifest_is_told_with_its_line() {
    let wrong = TempFile::holding("# mine\npatience = 1\n");
    let output = check_ours(wrong.0.to_str().unwrap());
    let expected = format!(
        "conformance: {}:2: this is no time: write a text such as \"500ms\"\n",
        wrong.0.display()
    );
    assert_eq!((Some(3), expected), (output.status.code(), told(&output)));
}

#[test]
fn a_client_is_held_to_the_rules_for_clients() {
    let output = check(["--client", "--", PROGRAM, "chat", ANY_PORT]);
    let shown = shown(&output);
    assert_eq!(Some(0), output.status.code(), "{shown}{}", told(&output));
    assert!(shown.contains("PASS         CLI-01") && !shown.contains("RLY-01"), "{shown}");
}

#[test]
fn a_client_that_does_not_come_is_told_once_with_its_own_words() {
    let output = check(["--client", "--", PROGRAM, "chat", NOBODY]);
    assert_told_once(&output, "; it printed:\nclient-cli: cannot reach 127.0.0.1:1");
}

#[test]
fn a_hangup_leaves_no_server_behind() {
    if ignores_hangup() {
        return eprintln!("under nohup a hangup ends nothing");
    }
    let fifo = Fifo::new();
    // Never ready: the one server of this run lives until it is killed.
    let script = format!("exec sleep 60 > {}", fifo.0.display());
    let mut check = Running(command(["--", "sh", "-c", &script, "sh", "{port}"]).spawn().unwrap());
    // Opening it waits for the server; the end of what is read is the server's end.
    let mut life = fifo.open_within(PATIENCE);
    kill_process(Pid::from_child(&check.0), Signal::HUP).unwrap();
    let (tell, ended) = mpsc::channel();
    thread::spawn(move || tell.send(life.read_to_end(&mut Vec::new())));
    assert_eq!(0, ended.recv_timeout(PATIENCE).expect("the server is ended").unwrap());
    assert_eq!(Some(128 + Signal::HUP.as_raw()), check.0.wait().unwrap().code());
}

#[test]
fn a_limit_too_small_to_be_seen_in_memory_is_left_alone() {
    let small = TempFile::holding("max-message = \"1KiB\"\n");
    let manifest = small.0.to_str().unwrap();
    let which = ["--manifest", manifest, "--only", "LIM-01", "--", PROGRAM, "serve", "select"];
    let server = ["--max-message", "1KiB", "--listen", ANY_PORT];
    let output = command(which.into_iter().chain(server)).output().unwrap();
    assert!(shown(&output).contains("SKIP         LIM-01"), "{}", shown(&output));
}

/// Checks one of our servers as if it were somebody else's.
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

/// Not a word per rule, one message, and the status that says that nothing is known.
fn assert_told_once(output: &Output, cause: &str) {
    let told = told(output);
    assert_eq!((Some(2), ""), (output.status.code(), &*String::from_utf8_lossy(&output.stdout)));
    assert_eq!(1, told.matches("conformance: ").count(), "{told}");
    assert!(told.contains(cause), "{cause:?} is not in {told}");
}

fn shown(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file of this text, removed when this is dropped.
struct TempFile(PathBuf);

impl TempFile {
    fn holding(text: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("manifest-{}-{number}.toml", process::id()));
        fs::write(&path, text).expect("the folder for such things can be written to");
        Self(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        // It lies in the system's folder for such things.
        fs::remove_file(&self.0).ok();
    }
}

/// A named pipe, removed when this is dropped.
struct Fifo(PathBuf);

impl Fifo {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("conformance-check-{}", process::id()));
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo is there");
        assert!(made.success(), "{} cannot be made", path.display());
        Self(path)
    }

    fn open_within(&self, patience: Duration) -> File {
        let path = self.0.clone();
        let (tell, opened) = mpsc::channel();
        thread::spawn(move || tell.send(File::open(path)));
        opened.recv_timeout(patience).expect("the server is started").expect("the pipe was made")
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        // It lies in the system's folder for such things.
        fs::remove_file(&self.0).ok();
    }
}

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
const PROGRAM: &str = env!("CARGO_BIN_EXE_conformance");
const OURS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests/ours.toml");
const ANY_PORT: &str = "127.0.0.1:{port}";
/// Rules that ask for a declared limit, for flags with a value and without.
const DECLARED: [&str; 4] = ["RLY-10", "UTF-05", "LIM-03", "HSK-08"];
/// An address for command lines that are wrong anyway.
const NOBODY: &str = "127.0.0.1:1";
