//! Yardsticks: servers that are made to be measured beside ours, not to be chatted on.

use std::ffi::OsString;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::ExitCode;
use std::{fmt, iter};

use clap::Args;
use load::wire::Dialect;
use server_core::socket;

use super::naive::Trouble;
use super::{floor, naive};
use crate::support::console::print_error;

/// Which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Yardstick {
    /// A loop that passes on bytes.
    Floor,
    /// Two threads that pass on bytes between two clients.
    FloorBlocking,
    /// A thread per client, a system call per delivery, under the room's lock.
    NaiveSend,
    /// A reading and a writing task per client, an unbounded channel between.
    NaiveChannel,
    /// The same with threads.
    NaiveWriter,
    /// One loop, a queue per client, a system call per client and wake-up.
    NaiveQueue,
}

/// How one is to serve.
#[derive(Debug, Args)]
pub struct YardstickArgs {
    /// Where to listen; port 0 is any free one, told on standard output
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:1234")]
    listen: String,
}

/// As [`YardstickArgs`], of the one that can be told to err.
#[derive(Debug, Args)]
pub struct FaultyArgs {
    #[command(flatten)]
    serving: YardstickArgs,
    /// What goes wrong every so often, for trying what is meant to notice it
    #[arg(long, hide = true)]
    fault: Option<Trouble>,
}

impl Yardstick {
    /// All of them, in the order they are listed in.
    pub const ALL: [Self; 6] = [
        Self::Floor,
        Self::FloorBlocking,
        Self::NaiveSend,
        Self::NaiveChannel,
        Self::NaiveWriter,
        Self::NaiveQueue,
    ];

    /// Those that speak the chat protocol.
    pub const RUNGS: [Self; 4] =
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

    /// How its clients speak.
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

    /// Serves until a signal ends the process: there is nobody to be told and nothing to be saved.
    pub(crate) fn run(self, arguments: &YardstickArgs) -> ExitCode {
        self.serve_on(arguments, |listener| match self {
            Self::Floor => floor::serve(listener),
            Self::FloorBlocking => floor::serve_blocking(&listener),
            Self::NaiveSend => naive::serve_send(&listener),
            Self::NaiveChannel => naive::serve_channel(listener),
            Self::NaiveWriter => naive::serve_writer(&listener),
            Self::NaiveQueue => naive::serve_queue(listener),
        })
    }

    /// As [`run`](Self::run), of the first rung, with what is to go wrong in it.
    pub(crate) fn run_faulty(arguments: &FaultyArgs) -> ExitCode {
        let Some(trouble) = arguments.fault else { return Self::NaiveSend.run(&arguments.serving) };
        Self::NaiveSend
            .serve_on(&arguments.serving, |listener| naive::serve_faulty(&listener, trouble))
    }

    fn serve_on(
        self,
        arguments: &YardstickArgs,
        serve: impl FnOnce(TcpListener) -> io::Result<()>,
    ) -> ExitCode {
        // Where it cannot be raised it may be enough, and an accept that finds it is not tells so.
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

impl fmt::Display for Yardstick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Listens, and says so with the ready line of our own servers.
fn listen(address: &str) -> io::Result<TcpListener> {
    let failed = |error: io::Error| {
        let advice = "--listen takes HOST:PORT, and port 0 is any free one";
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}; {advice}"))
    };
    let listener = socket::bind(address, |_| Ok(())).map_err(failed)?;
    // A harness that has seen enough may have closed its end: that is no reason not to serve.
    writeln!(io::stdout(), "listening on {}", listener.local_addr()?)
        .and_then(|()| io::stdout().flush())
        .ok();
    Ok(listener)
}
