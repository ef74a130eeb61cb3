//! Client: a chat client under test as a child process, which ends with the test.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::error::StartError;
use super::group::{Group, register};
use super::launch::fill_in_port;
use super::output::Output;

/// A running client. Dropping it kills its process group.
#[derive(Debug)]
pub struct ClientProcess {
    group: Arc<Group>,
    /// Held open, because many clients end at the EOF of their standard input.
    input: Option<ChildStdin>,
    stdout: Arc<Output>,
    stderr: Arc<Output>,
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
            (Some(terminal), _) => Output::of(terminal),
            (None, Some(pipe)) => Output::of(pipe),
            (None, None) => unreachable!("standard output is a terminal or a pipe"),
        };
        let input = child.stdin.take();
        Self { group: Group::watch(child), input, stdout, stderr: Output::of(stderr) }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.group.id()
    }

    /// Writes to its standard input.
    ///
    /// # Errors
    ///
    /// It has closed its standard input, or has ended.
    pub fn type_in(&self, text: &str) -> io::Result<()> {
        let mut input = self.input.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        input.write_all(text.as_bytes())
    }

    /// Waits for a complete line of standard output, after position `from`, that ends with `text`,
    /// and returns the position after the line. `None` after `deadline` and at EOF.
    pub fn wait_for_line(&self, from: usize, text: &str, deadline: Duration) -> Option<usize> {
        self.stdout.wait_for_line(from, |line| line.ends_with(text.as_bytes()), deadline)
    }

    /// Both outputs so far, for the message of a failure.
    pub fn outputs(&self) -> String {
        let outputs = [&self.stdout, &self.stderr].map(|output| output.to_eof(Duration::ZERO));
        String::from_utf8_lossy(&outputs.concat()).into_owned()
    }

    /// Waits until it has ended; `None` after `deadline`.
    pub fn wait(&self, deadline: Duration) -> Option<ClientEnd> {
        let status = self.group.wait(deadline)?;
        // Its process group has ended as well, so both outputs reach EOF soon.
        let (stdout, stderr) = (self.stdout.to_eof(EOF_WITHIN), self.stderr.to_eof(EOF_WITHIN));
        Some(ClientEnd { status, stdout, stderr })
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

const EOF_WITHIN: Duration = Duration::from_secs(5);
