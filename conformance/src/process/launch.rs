//! Launch: a server's command becomes a child process: its port, its outputs, its ready line.

use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::{fs, iter, thread};

use super::conventions::User;
use super::error::StartError;
use super::log::Log;

/// Starts a program with its arguments, in which `port` replaces `{port}`; all its streams are
/// pipes.
pub(super) fn spawn(user: User, command: &[OsString], port: u16) -> Result<Child, StartError> {
    let mut words = command.iter().map(|word| fill_in_port(word, port));
    let program = words.next().ok_or(StartError::Empty)?;
    as_user(user, &program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|source| StartError::Spawn { program: program.display().to_string(), source })
}

/// A command that will run as this user.
pub(super) fn as_user(user: User, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    if user == User::Nobody {
        command.gid(NOBODY).uid(NOBODY);
    }
    command
}

/// The line of standard output with which a server reports that it is ready.
pub(super) struct ReadyLine {
    /// A text that the line contains; `None`: the line is `listening on ADDRESS:PORT`.
    pub(super) text: Option<String>,
    /// The port that the server was given, or 0.
    pub(super) port: u16,
}

/// Reads both outputs into the log until EOF; the channel yields the address from the ready line.
pub(super) fn watch_output(
    child: &mut Child,
    log: &Arc<Log>,
    ready_line: ReadyLine,
) -> Receiver<SocketAddr> {
    let stdout = child.stdout.take().expect("standard output is a pipe");
    let mut stderr = child.stderr.take().expect("standard error is a pipe");
    let (sender, ready) = mpsc::channel();
    let open = sender.clone();
    let (stdout_log, stderr_log) = (Arc::clone(log), Arc::clone(log));
    thread::spawn(move || find_ready_line(stdout, &stdout_log, &ready_line, &sender));
    thread::spawn(move || {
        // The channel is disconnected when both outputs have been read to EOF.
        let _open = open;
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stderr.read(&mut chunk) {
            stderr_log.push(&chunk[..count]);
        }
        stderr_log.eof();
    });
    ready
}

fn find_ready_line(
    stdout: ChildStdout,
    log: &Log,
    ready_line: &ReadyLine,
    sender: &Sender<SocketAddr>,
) {
    let mut stdout = BufReader::new(stdout);
    let mut line = Vec::new();
    // A line longer than the limit is read as several. It is not a ready line.
    while let Ok(1..) = stdout.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
        log.push(&line);
        if let Some(addr) = ready_line.address(&line) {
            // The receiver is gone after the first address.
            sender.send(addr).ok();
        }
        line.clear();
    }
    log.eof();
}

impl ReadyLine {
    /// The server's address, if `line` is the ready line.
    fn address(&self, line: &[u8]) -> Option<SocketAddr> {
        let Some(text) = &self.text else { return ready_address(line) };
        let is_ready = String::from_utf8_lossy(line).contains(text.as_str());
        let given = || (self.port != 0).then(|| (Ipv4Addr::LOCALHOST, self.port).into());
        is_ready.then(|| ready_address(line).or_else(given)).flatten()
    }
}

fn ready_address(line: &[u8]) -> Option<SocketAddr> {
    let (_, addr) = str::from_utf8(line).ok()?.split_once("listening on ")?;
    addr.trim().parse().ok()
}

pub(super) fn has_port_placeholder(word: &OsStr) -> bool {
    word.to_str().is_some_and(|word| word.contains(PORT))
}

/// A word of a command with `port` in place of `{port}`.
pub fn fill_in_port(word: &OsStr, port: u16) -> OsString {
    word.to_str().map_or_else(|| word.into(), |word| word.replace(PORT, &port.to_string()).into())
}

pub(super) fn reports_port_in_use(log: &str) -> bool {
    log.to_lowercase().contains("in use")
}

/// Ports of 127.0.0.1 on which no socket listens. They are below the range for outgoing
/// connections, because a connection to a port of that range can be connected to itself.
pub(super) fn free_ports() -> impl Iterator<Item = u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let ephemeral = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let end = ephemeral
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .filter(|&end| end > LOWEST_PORT)
        .unwrap_or(32768);
    let span = u32::from(end - LOWEST_PORT);
    // Test programs that run at the same time begin with different ports.
    let start = std::process::id().wrapping_mul(101);
    iter::repeat_with(move || start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed).into()))
        .map(move |turn| LOWEST_PORT + u16::try_from(turn % span).expect("below a port number"))
        .take(span as usize)
        .filter(|&port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
}

/// The placeholder for the port in a command.
const PORT: &str = "{port}";
const LOWEST_PORT: u16 = 10_000;
/// The user id of `nobody` on every usual system.
const NOBODY: u32 = 65_534;
const LINE_BYTES_MAX: u64 = 4096;
