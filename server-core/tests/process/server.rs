//! The server under test: its process, its output, and its exit status.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::SERVER;

/// A server that listens on a free port. It is killed if the test ends first.
pub(crate) struct Server {
    process: Process,
    pub(crate) address: String,
}

/// The end of a process, and its output.
pub(crate) struct Ended {
    /// The exit status; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A log that no program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Log {
    Closed,
    Unread,
}

struct Process {
    child: Child,
    /// Its standard input, if it has a console.
    keys: Option<ChildStdin>,
    out: Receiver<String>,
    err: Receiver<String>,
}

/// Runs the server's program, which is expected to end by itself.
pub(crate) fn run(arguments: &[&str]) -> Ended {
    run_with(arguments, &[])
}

/// The same, with more environment variables.
pub(crate) fn run_with(arguments: &[&str], environment: &[(&str, &str)]) -> Ended {
    Process::start(arguments, environment).end()
}

impl Server {
    pub(crate) fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[])
    }

    /// Starts it with more environment variables, and waits for its ready line.
    pub(crate) fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let arguments = [&["--listen", "127.0.0.1:0"], flags].concat();
        Self::ready(Process::start(&arguments, environment))
    }

    /// Starts it with a console.
    pub(crate) fn start_with_console(flags: &[&str]) -> Self {
        let arguments = [&["--listen", "127.0.0.1:0", "--console"], flags].concat();
        let mut command = command(&arguments, &[]);
        Self::ready(Process::of(command.stdin(Stdio::piped())))
    }

    /// Types at its console.
    pub(crate) fn type_text(&mut self, text: &[u8]) {
        let keys = self.process.keys.as_mut().expect("it was started with a console");
        keys.write_all(text).expect("it reads its console");
    }

    /// Ends its standard input.
    pub(crate) fn close_console(&mut self) {
        self.process.keys = None;
    }

    fn ready(process: Process) -> Self {
        Self { address: ready_address(&process), process }
    }

    /// The addresses of its first `count` ready lines; [`address`](Self::address) is the first.
    pub(crate) fn addresses(&self, count: usize) -> Vec<String> {
        let more = (1..count).map(|_| ready_address(&self.process));
        std::iter::once(self.address.clone()).chain(more).collect()
    }

    /// Sends a signal by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("there is a kill command").success());
    }

    /// Starts it with a standard error that is closed or never read.
    pub(crate) fn start_with_log(flags: &[&str], log: Log) -> (Self, Option<ChildStderr>) {
        let arguments = [&["--listen", "127.0.0.1:0"], flags].concat();
        let mut child = command(&arguments, &[]).spawn().expect("the program can be started");
        let err = child.stderr.take().filter(|_| log == Log::Unread);
        let out = lines(child.stdout.take().expect("it is piped"));
        let (_, nothing) = mpsc::channel();
        let server = Self::ready(Process { child, keys: None, out, err: nothing });
        (server, err)
    }

    pub(crate) fn stop(self) -> Ended {
        self.signal("TERM");
        self.end()
    }

    pub(crate) fn end(self) -> Ended {
        self.process.end()
    }
}

/// The address in the next ready line.
fn ready_address(process: &Process) -> String {
    let ready = process.out.recv_timeout(DEADLINE).expect("it prints a ready line");
    ready.strip_prefix("listening on ").expect("the line has an address").to_owned()
}

impl Process {
    fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::of(&mut command(arguments, environment))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.spawn().expect("the server's own program can be started");
        let out = lines(child.stdout.take().expect("it is piped"));
        let err = lines(child.stderr.take().expect("it is piped"));
        let keys = child.stdin.take();
        Self { child, keys, out, err }
    }

    /// Waits until it ends by itself.
    fn end(mut self) -> Ended {
        let (out, err) = (rest(&self.out), rest(&self.err));
        let code = self.child.wait().expect("it is a child of ours").code();
        Ended { code, out, err }
    }
}

fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(SERVER);
    command
        .args(arguments)
        .env_remove("TOKIO_WORKER_THREADS")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has already ended, unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a pipe, which end when the process does.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut written = BufReader::new(pipe).lines().map_while(Result::ok);
        written.try_for_each(|line| sender.send(line))
    });
    lines
}

fn rest(lines: &Receiver<String>) -> String {
    let mut text = String::new();
    loop {
        match lines.recv_timeout(DEADLINE) {
            Ok(line) => text += &(line + "\n"),
            Err(RecvTimeoutError::Disconnected) => return text,
            Err(RecvTimeoutError::Timeout) => panic!("it has not ended in time:\n{text}"),
        }
    }
}

/// Time limit of a wait: long enough for a busy machine, and shorter than any wait that a server is configured to
/// have here.
const DEADLINE: Duration = Duration::from_secs(20);
