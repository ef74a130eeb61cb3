//! Client: a chat client under test as a child process, which ends with the test.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::error::StartError;
use super::group::{Group, register};
use super::launch::fill_in_port;

/// A running client. Dropping it kills its process group.
#[derive(Debug)]
pub struct ClientProcess {
    group: Arc<Group>,
    /// Held open, because many clients end at the EOF of their standard input.
    _input: Option<ChildStdin>,
    stdout: Receiver<Vec<u8>>,
    stderr: Receiver<Vec<u8>>,
}

/// The kind of a client's standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdout {
    /// A pipe.
    Pipe,
    /// A terminal.
    Terminal,
}

/// The result of a client that has ended.
#[derive(Clone, Debug)]
pub struct ClientEnd {
    /// How it ended.
    pub status: ExitStatus,
    /// The first 4 MiB of its standard output.
    pub stdout: Vec<u8>,
    /// The first 4 MiB of its standard error.
    pub stderr: Vec<u8>,
}

impl ClientProcess {
    /// Starts a program with its arguments, in which `port` replaces `{port}`.
    ///
    /// # Errors
    ///
    /// The command is empty or cannot be started, or the system provides no terminal.
    pub fn start(command: &[OsString], port: u16, stdout: Stdout) -> Result<Self, StartError> {
        let mut words = command.iter().map(|word| fill_in_port(word, port));
        let program = words.next().ok_or(StartError::Empty)?;
        let failed = |source| StartError::Spawn { program: program.display().to_string(), source };
        let terminal = match stdout {
            Stdout::Pipe => None,
            Stdout::Terminal => Some(Terminal::open().map_err(failed)?),
        };
        let (terminal, output) = match terminal {
            Some(Terminal { ours, theirs }) => (Some(ours), Stdio::from(theirs)),
            None => (None, Stdio::piped()),
        };
        let mut command = Command::new(&program);
        command.args(words).env("TERM", "xterm").env_remove("NO_COLOR").process_group(0);
        command.stdin(Stdio::piped()).stdout(output).stderr(Stdio::piped());
        let child = register(|| command.spawn()).map_err(failed)?;
        // The command holds the client's end of the terminal, without which there would be no EOF.
        drop(command);
        Ok(Self::watch(child, terminal))
    }

    fn watch(mut child: Child, terminal: Option<File>) -> Self {
        let stderr = child.stderr.take().expect("standard error is a pipe");
        let stdout = match (terminal, child.stdout.take()) {
            (Some(terminal), _) => read_to_end(terminal),
            (None, Some(pipe)) => read_to_end(pipe),
            (None, None) => unreachable!("standard output is a terminal or a pipe"),
        };
        let input = child.stdin.take();
        Self { group: Group::watch(child), _input: input, stdout, stderr: read_to_end(stderr) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// Waits until it has ended; `None` after `deadline`.
    pub fn wait(&self, deadline: Duration) -> Option<ClientEnd> {
        let status = self.group.wait(deadline)?;
        // Its process group has ended as well, so both outputs reach EOF soon.
        let all = |output: &Receiver<Vec<u8>>| output.recv_timeout(EOF_WITHIN).unwrap_or_default();
        Some(ClientEnd { status, stdout: all(&self.stdout), stderr: all(&self.stderr) })
    }
}

impl Drop for ClientProcess {
    fn drop(&mut self) {
        self.group.kill();
    }
}

/// The two ends of a pseudo-terminal, which is the controlling terminal of no process.
struct Terminal {
    ours: File,
    theirs: File,
}

impl Terminal {
    fn open() -> io::Result<Self> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let path = ptsname(&ours, Vec::new())?;
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OpenptFlags::NOCTTY.bits().cast_signed())
            .open(path.to_str().map_err(io::Error::other)?)?;
        Ok(Self { ours: ours.into(), theirs })
    }
}

/// Reads in a thread until EOF, or until an error, with which a terminal ends; the channel then
/// yields the first [`OUTPUT_BYTES_MAX`] bytes.
fn read_to_end(mut output: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, all) = mpsc::channel();
    thread::spawn(move || {
        let (mut kept, mut chunk) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = output.read(&mut chunk) {
            let room = OUTPUT_BYTES_MAX - kept.len();
            kept.extend_from_slice(&chunk[..count.min(room)]);
        }
        // The receiver is gone if the test has failed.
        sender.send(kept).ok();
    });
    all
}

const OUTPUT_BYTES_MAX: usize = 4 << 20;
const EOF_WITHIN: Duration = Duration::from_secs(5);
