//! Baseline: the baselines that this program contains, and how they start.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::path::Path;
use std::process::ExitCode;
use std::{fmt, iter};

use clap::Args;
use load::wire::Dialect;
use server_core::listen;

use super::naive::Defect;
use super::{floor, naive};
use crate::support::console::print_error;

/// A baseline that this program contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Baseline {
    /// A loop that copies bytes from each client to all others.
    Floor,
    /// Two threads that copy bytes between two clients.
    FloorBlocking,
    /// A thread per client, a system call per delivery, under the room's lock.
    NaiveSend,
    /// A reading and a writing task per client, an unbounded channel between.
    NaiveChannel,
    /// A reading and a writing thread per client, an unbounded channel between.
    NaiveWriter,
    /// One loop, a queue per client, a system call per client and wake-up.
    NaiveQueue,
}

/// Arguments of a baseline.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// Where to listen; port 0 is any free one, printed on standard output
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:1234")]
    listen: String,
}

/// Arguments of the naive server that can have a defect.
#[derive(Debug, Args)]
pub struct DefectiveArgs {
    #[command(flatten)]
    serving: BaselineArgs,
    /// What it does wrong now and then, to test what must notice it
    #[arg(long, hide = true)]
    defect: Option<Defect>,
}

impl Baseline {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 6] = [
        Self::Floor,
        Self::FloorBlocking,
        Self::NaiveSend,
        Self::NaiveChannel,
        Self::NaiveWriter,
        Self::NaiveQueue,
    ];

    /// The naive servers, which speak the chat protocol.
    pub const NAIVE: [Self; 4] =
        [Self::NaiveSend, Self::NaiveChannel, Self::NaiveWriter, Self::NaiveQueue];

    /// Its name on command lines and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::FloorBlocking => "floor-blocking",
            Self::NaiveSend => "naive-send",
            Self::NaiveChannel => "naive-channel",
            Self::NaiveWriter => "naive-writer",
            Self::NaiveQueue => "naive-queue",
        }
    }

    /// The protocol that its clients speak.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Floor | Self::FloorBlocking => Dialect::Floor,
            Self::NaiveSend | Self::NaiveChannel | Self::NaiveWriter | Self::NaiveQueue => {
                Dialect::Chat
            }
        }
    }

    /// The command that starts it on `{port}` of the loopback address, from this program.
    pub fn command(self, exe: &Path) -> Vec<OsString> {
        let arguments = ["serve", self.name(), "--listen", "127.0.0.1:{port}"];
        iter::once(exe.into()).chain(arguments.map(OsString::from)).collect()
    }

    /// Serves until a signal ends the process. There is no client to notify and nothing to save.
    pub(crate) fn run(self, arguments: &BaselineArgs) -> ExitCode {
        self.serve_on(arguments, |listener| match self {
            Self::Floor => floor::serve(listener),
            Self::FloorBlocking => floor::serve_blocking(&listener),
            Self::NaiveSend => naive::serve_send(&listener),
            Self::NaiveChannel => naive::serve_channel(listener),
            Self::NaiveWriter => naive::serve_writer(&listener),
            Self::NaiveQueue => naive::serve_queue(listener),
        })
    }

    /// As [`run`](Self::run), for the naive server that can have a defect.
    pub(crate) fn run_defective(arguments: &DefectiveArgs) -> ExitCode {
        let Some(defect) = arguments.defect else { return Self::NaiveSend.run(&arguments.serving) };
        Self::NaiveSend
            .serve_on(&arguments.serving, |listener| naive::serve_defective(&listener, defect))
    }

    fn serve_on(
        self,
        arguments: &BaselineArgs,
        serve: impl FnOnce(TcpListener) -> io::Result<()>,
    ) -> ExitCode {
        // The limit may be enough even if it cannot be raised. If not, accept fails and reports it.
        rlimit::increase_nofile_limit(u64::MAX).ok();
        match listen(&arguments.listen).and_then(serve) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                print_error(format_args!("{self}: {error}"));
                ExitCode::FAILURE
            }
        }
    }
}

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Listens, and prints the ready line of our own servers.
fn listen(address: &str) -> io::Result<TcpListener> {
    let failed = |error: io::Error| {
        let advice = "--listen takes HOST:PORT, and port 0 is any free one";
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}; {advice}"))
    };
    let first = address.to_socket_addrs().map_err(failed)?.next();
    let first = first.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
    let listener = listen::listen(first, |_| Ok(())).map_err(failed)?;
    // The harness may have closed its end of the pipe. The server serves all the same.
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)
        .and_then(|()| io::stdout().flush())
        .ok();
    Ok(listener)
}
