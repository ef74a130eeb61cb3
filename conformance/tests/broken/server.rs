//! Server: a small server with one defect and a thread per client; this test program, started as a
//! process.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::exit;
use std::sync::Arc;
use std::thread;

use clap::ValueEnum;
use conformance::target::{Declared, Instance, NotStarted, Origin, Target, start_command};
use server_core::PerClient;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use socket2::{Domain, Socket, Type};

use crate::server_room::{RETRY_INTERVAL, Room};

/// The defects of the small server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Defect {
    /// Waits for a full socket without a timeout, with the room locked.
    BlocksOnFull,
    /// Discards the part of a pair that a full socket does not take.
    ForgetsHalfPairs,
    /// Drops messages for a client whose socket is full.
    DropsPairs,
    /// Queues far too much for full sockets in memory.
    KeepsMuch,
    /// Some threads run in a busy loop.
    BusyLoops,
    /// An error of `accept` ends the server.
    DiesOfAcceptErrors,
    /// Logs an error of `accept` and retries at once.
    RetriesAccept,
    /// After an error of `accept`, accepts no client any more.
    StopsAccepting,
    /// Uses a quarter of a megabyte for each client.
    FatClients,
    /// Ends when a thread cannot be started.
    DiesWithoutThreads,
    /// When it closes a connection that is silent inside a frame, closes all others that have been
    /// silent for as long.
    ClosesSilent,
    /// Does not handle SIGTERM, which ends the process.
    DiesOfSignals,
    /// After SIGTERM, waits until all clients have left.
    WaitsForClients,
    /// Does not notify members of a shutdown.
    StopsSilently,
    /// Delivers a long message together with the next one, and the last one never.
    DelaysLongMessages,
    /// Closes a reader that does not read with a FIN, after the unread bytes.
    ClosesStalled,
    /// Sends only a part of the shutdown notice.
    CutsAtTheEnd,
    /// Sets `SO_REUSEPORT`, so that another server can bind the same port.
    SharesPort,
    /// Looks a name up and reserves it in two steps.
    ChecksThenTakes,
    /// Logs names without escaping them.
    LogsRaw,
    /// Logs every message.
    LogsMessages,
    /// Does not warn when it listens on all addresses.
    NoWarning,
}

impl Defect {
    /// Whether the tests that detect it see an event, and not that an event is missing.
    pub(crate) fn shows_at_once(self) -> bool {
        !matches!(
            self,
            Self::BlocksOnFull | Self::StopsAccepting | Self::WaitsForClients | Self::SharesPort
        )
    }
}

/// Starts servers with this defect, which declare what ours declare.
pub(crate) struct BrokenServer {
    pub(crate) defect: Defect,
}

impl Target for BrokenServer {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Instance>, NotStarted> {
        let exe = std::env::current_exe().map_err(|e| NotStarted::Failed(e.to_string()))?;
        let defect = self.defect.to_possible_value().expect("no defect is hidden");
        let listen = flags.iter().skip_while(|flag| *flag != "--listen").nth(1);
        let listen = listen.map_or("127.0.0.1:{port}", String::as_str);
        let words = [COMMAND, defect.get_name(), listen].map(OsString::from);
        start_command([exe.into()].into_iter().chain(words).collect())
    }

    fn origin(&self) -> Origin {
        Origin::Ours
    }

    fn declared(&self, flags: &[String]) -> Declared {
        Declared::ours(flags, PerClient::Descriptor).unwrap_or_default()
    }

    fn rerun(&self, id: &str, seed: u64) -> String {
        format!("rerun {id} {seed}")
    }
}

/// Serves for ever, if [`BrokenServer`] started this process.
pub(crate) fn serve_if_asked() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [command, defect, listen] = &words[..] else { return };
    if command == COMMAND {
        serve(Defect::from_str(defect, false).expect("the parent names defects"), listen);
    }
}

fn serve(defect: Defect, listen: &str) -> ! {
    let listener = bind(defect, listen).unwrap_or_else(|error| {
        eprintln!("cannot listen on {listen}: {error}");
        exit(1)
    });
    let room = Arc::new(Room::new(defect));
    if defect != Defect::DiesOfSignals {
        let mut signals = Signals::new([SIGTERM]).expect("SIGTERM can be handled");
        let room = Arc::clone(&room);
        thread::spawn(move || signals.forever().for_each(|_| room.shut_down()));
    }
    match defect {
        // Several threads, so that the use of processor time shows on a busy machine too.
        Defect::BusyLoops => (0..4).for_each(|_| drop(thread::spawn(spin))),
        Defect::KeepsMuch => drop(thread::spawn({
            let room = Arc::clone(&room);
            move || room.flush_repeatedly()
        })),
        _ => {}
    }
    println!("listening on {}", listener.local_addr().expect("it is bound"));
    loop {
        match listener.accept() {
            Ok((stream, _)) => admit(&room, stream),
            Err(error) => after_accept_error(defect, &error),
        }
    }
}

fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

fn bind(defect: Defect, listen: &str) -> io::Result<TcpListener> {
    let address: SocketAddr = listen.parse().map_err(io::Error::other)?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(defect == Defect::SharesPort)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    if !address.ip().is_loopback() && defect != Defect::NoWarning {
        eprintln!("this is open to all: no login, no encryption");
    }
    Ok(socket.into())
}

fn after_accept_error(defect: Defect, error: &io::Error) {
    match defect {
        Defect::DiesOfAcceptErrors => exit(1),
        Defect::RetriesAccept => eprintln!("cannot accept: {error}"),
        Defect::StopsAccepting => loop {
            thread::park();
        },
        _ => thread::park_timeout(RETRY_INTERVAL),
    }
}

fn admit(room: &Arc<Room>, stream: TcpStream) {
    let (serving, stream) = (Arc::clone(room), Arc::new(stream));
    if room.defect() == Defect::ClosesSilent {
        room.silences().add(&stream);
    }
    let thread = thread::Builder::new().spawn(move || {
        // However the connection ends, the small server does not report it.
        serving.serve(&stream).ok();
        serving.silences().remove(&stream);
    });
    if thread.is_err() && room.defect() == Defect::DiesWithoutThreads {
        exit(1);
    }
}

/// The word on the command line that makes this program a server.
const COMMAND: &str = "serve-broken";
const BACKLOG: i32 = 1024;
