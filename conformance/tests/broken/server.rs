//! A small server with one defect, a thread per client: this test program, started again as a process.

use std::ffi::OsString;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::exit;
use std::sync::Arc;
use std::thread;

use clap::ValueEnum;
use conformance::target::{Declared, NotStarted, Origin, Subject, Target, started};
use server_core::PerClient;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use socket2::{Domain, Socket, Type};

use crate::server_room::{RETRY_INTERVAL, Room};

/// What is wrong with a server that takes a process to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Defect {
    /// A full socket is waited for without an end, and everybody waits along.
    BlocksOnFull,
    /// What a full socket does not take of a pair is forgotten.
    ForgetsHalfPairs,
    /// While a socket is full, what is said is not for its client.
    DropsPairs,
    /// What full sockets do not take waits in memory, far too much of it.
    KeepsMuch,
    /// Some threads never rest.
    BusyLoops,
    /// An error in accepting ends the server.
    DiesOfAcceptErrors,
    /// An error in accepting is logged and tried again, at once.
    RetriesAccept,
    /// After an error in accepting nobody is accepted any more.
    StopsAccepting,
    /// Every client costs a quarter of a megabyte.
    FatClients,
    /// No thread for a client ends the server.
    DiesWithoutThreads,
    /// A connection that is silent for a moment is ended.
    ClosesSilent,
    /// SIGTERM does what it does to a program that knows nothing of it.
    DiesOfSignals,
    /// After SIGTERM all clients are waited for.
    WaitsForClients,
    /// Members are not told of a shutdown.
    StopsSilently,
    /// A long message goes out with the next one, and at the end not at all.
    DelaysLongMessages,
    /// A reader that does not read is closed, behind what it does not read.
    ClosesStalled,
    /// The pair that tells of a shutdown is cut.
    CutsAtTheEnd,
    /// The port is shared with whoever wants it, too.
    SharesPort,
    /// A name is looked up and taken in two steps.
    ChecksThenTakes,
    /// Names go to the log as they are.
    LogsRaw,
    /// Every message goes to the log.
    LogsMessages,
    /// Nobody is warned of an open door.
    NoWarning,
}

impl Defect {
    /// Whether the rows that see it see something happen, and not that nothing does.
    pub(crate) fn shows_at_once(self) -> bool {
        !matches!(
            self,
            Self::BlocksOnFull | Self::StopsAccepting | Self::WaitsForClients | Self::SharesPort
        )
    }
}

/// Gives servers with this defect. They declare what ours declare.
pub(crate) struct BrokenServer {
    pub(crate) defect: Defect,
}

impl Subject for BrokenServer {
    fn start(&self, flags: &[String]) -> Result<Box<dyn Target>, NotStarted> {
        let exe = std::env::current_exe().map_err(|e| NotStarted::Failed(e.to_string()))?;
        let defect = self.defect.to_possible_value().expect("no defect is hidden");
        let listen = flags.iter().skip_while(|flag| *flag != "--listen").nth(1);
        let listen = listen.map_or("127.0.0.1:{port}", String::as_str);
        let words = [COMMAND, defect.get_name(), listen].map(OsString::from);
        started([exe.into()].into_iter().chain(words).collect())
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

/// Serves without an end if this process was started for that by [`BrokenServer`].
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
        let mut signals = Signals::new([SIGTERM]).expect("signals can be heeded");
        let room = Arc::clone(&room);
        thread::spawn(move || signals.forever().for_each(|_| room.shut_down()));
    }
    match defect {
        // Several, so that they are seen on a busy machine, too.
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
        eprintln!("this is open to everybody: no login, no encryption");
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
    let serving = Arc::clone(room);
    let thread = thread::Builder::new().spawn(move || {
        // However it ends, there is nobody to tell.
        serving.serve(&Arc::new(stream)).ok();
    });
    if thread.is_err() && room.defect() == Defect::DiesWithoutThreads {
        exit(1);
    }
}

/// The word that makes a server of the test program.
const COMMAND: &str = "serve-broken";
const BACKLOG: i32 = 1024;
