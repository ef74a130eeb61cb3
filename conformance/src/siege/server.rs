//! Server: the server under attack, how it is started, and what its process uses.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;
use std::{env, io};

use bytesize::ByteSize;
use load::measure::{Usage, peak_resident};

use super::args::SiegeArgs;
use crate::process::{ServerProcess, StartError, fill_in_port};
use crate::target::our_command;

/// How a server is obtained, anew for each kind of hostile clients.
#[derive(Debug)]
pub(super) struct ServerSource {
    /// The server's name in the table.
    pub(super) name: String,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    Start {
        command: Vec<OsString>,
        /// The most resident bytes that it may hold; `None` if it declares no bound.
        memory_limit: Option<u64>,
    },
    Running(SocketAddr),
}

/// A running server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    pub(super) memory_limit: Option<u64>,
    process: Option<ServerProcess>,
}

impl ServerSource {
    /// The servers that these arguments choose.
    ///
    /// # Errors
    ///
    /// Our own program cannot be found, or does not print its limits.
    pub(super) fn all(args: &SiegeArgs) -> io::Result<Vec<Self>> {
        if let Some(addr) = args.connect {
            return Ok(vec![Self { name: addr.to_string(), origin: Origin::Running(addr) }]);
        }
        if let Some(server) = &args.server {
            let words = ["sh", "-c", &format!("exec {server}")].map(OsString::from);
            let origin = Origin::Start { command: words.into(), memory_limit: None };
            let name = server.split_whitespace().next().unwrap_or_default().into();
            return Ok(vec![Self { name, origin }]);
        }
        let exe = env::current_exe()?;
        let ours = |&model| {
            let mut command = our_command(model, &exe);
            command.extend(args.server_flags().into_iter().map(OsString::from));
            let clients = args.honest() + args.hostile();
            let memory_limit = Some(printed_bound(&command)? + allowance(clients));
            Ok(Self { name: model.to_string(), origin: Origin::Start { command, memory_limit } })
        };
        args.models().iter().map(ours).collect()
    }

    pub(super) fn start(&self) -> Result<Server, StartError> {
        match &self.origin {
            Origin::Running(addr) => Ok(Server { addr: *addr, memory_limit: None, process: None }),
            Origin::Start { command, memory_limit } => {
                let process = match memory_limit {
                    // Ours can take port 0, so that no two servers use one port.
                    Some(_) => ServerProcess::start_on(command, 0)?,
                    None => ServerProcess::start(command)?,
                };
                let (addr, memory_limit) = (process.addr(), *memory_limit);
                Ok(Server { addr, memory_limit, process: Some(process) })
            }
        }
    }
}

impl Server {
    /// What its process has used and holds now.
    pub(super) fn usage(&self) -> Option<Usage> {
        Usage::of(self.process.as_ref()?.id())
    }

    /// The peak of its resident memory, in bytes.
    pub(super) fn peak(&self) -> Option<u64> {
        peak_resident(self.process.as_ref()?.id())
    }

    /// How its process ended, if it did, with the last line of its log.
    pub(super) fn end(&self) -> Option<String> {
        let process = self.process.as_ref()?;
        let status = process.wait(Duration::ZERO)?;
        let log = process.log();
        let last = log.lines().last().unwrap_or_default();
        Some(format!("the server ended ({status}); the last line of its log: {last}"))
    }
}

/// The bound on memory for messages that one of our servers prints.
fn printed_bound(command: &[OsString]) -> io::Result<u64> {
    let (program, arguments) = command.split_first().expect("a command has a program");
    // With `--check` the server does not listen, so any valid port will do.
    let arguments = arguments.iter().map(|word| fill_in_port(word, 0));
    let output = Command::new(program).args(arguments).arg("--check").output()?;
    let table = String::from_utf8_lossy(&output.stdout);
    let line = table.lines().find_map(|line| line.strip_prefix(BOUND));
    let bound = line.and_then(|size| size.trim().parse::<ByteSize>().ok());
    let unknown = || io::Error::other(format!("the server prints no {BOUND:?}"));
    bound.map(|bound| bound.as_u64()).ok_or_else(unknown)
}

/// What a server may hold besides messages: its program, and for each client the used part of a
/// thread's stack and the bookkeeping of its connection.
fn allowance(clients: usize) -> u64 {
    PROGRAM_BYTES + clients as u64 * CLIENT_BYTES
}

const BOUND: &str = "memory for messages, at most";
const PROGRAM_BYTES: u64 = 32 << 20;
const CLIENT_BYTES: u64 = 32 << 10;
