//! A small server with one defect, a thread per client: this test program, started again as a process.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::exit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use conformance::declared::Declared;
use conformance::subject::started;
use conformance::target::{NotStarted, Origin, Subject, Target};
use protocol::Decoder;
use server_core::PerClient;
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;
use socket2::{Domain, SockRef, Socket, Type};

use crate::spoil::encoded;

/// What is wrong with a server that takes a process to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Defect {
    /// A full socket is waited for without an end, and everybody waits along.
    BlocksOnFull,
    /// What a full socket does not take of a pair is forgotten.
    ForgetsHalfPairs,
    /// While a socket is full, what is said is not for its client.
    DropsPairs,
    /// What full sockets do not take waits in memory, however much.
    KeepsEverything,
    /// Some threads never rest.
    Spins,
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
    EndsIdle,
    /// SIGTERM does what it does to a program that knows nothing of it.
    DiesOfSignals,
    /// After SIGTERM all clients are waited for.
    WaitsForClients,
    /// Members are not told of a shutdown.
    LeavesSilently,
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
    WarnsNobody,
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
    let room = Arc::new(Room { defect, members: Mutex::default() });
    if defect != Defect::DiesOfSignals {
        let mut signals = Signals::new([SIGTERM]).expect("signals can be heeded");
        let room = Arc::clone(&room);
        thread::spawn(move || signals.forever().for_each(|_| room.shut()));
    }
    match defect {
        // Several, so that they are seen on a busy machine, too.
        Defect::Spins => (0..4).for_each(|_| drop(thread::spawn(spin))),
        Defect::KeepsEverything => drop(thread::spawn({
            let room = Arc::clone(&room);
            move || room.flush_for_ever()
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
    let address: std::net::SocketAddr = listen.parse().map_err(io::Error::other)?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(defect == Defect::SharesPort)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    if !address.ip().is_loopback() && defect != Defect::WarnsNobody {
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
        _ => thread::park_timeout(REST),
    }
}

fn admit(room: &Arc<Room>, stream: TcpStream) {
    let serving = Arc::clone(room);
    let thread = thread::Builder::new().spawn(move || {
        // However it ends, there is nobody to tell.
        serving.serve(&Arc::new(stream)).ok();
    });
    if thread.is_err() && room.defect == Defect::DiesWithoutThreads {
        exit(1);
    }
}

struct Room {
    defect: Defect,
    members: Mutex<Vec<Member>>,
}

struct Member {
    name: Vec<u8>,
    stream: Arc<TcpStream>,
    /// What its socket has not taken yet.
    unsent: Vec<u8>,
    /// It was waited for once.
    slow: bool,
}

impl Room {
    /// One client, from its name to its end.
    fn serve(&self, stream: &Arc<TcpStream>) -> io::Result<()> {
        let fat = if self.defect == Defect::FatClients { 256 << 10 } else { 0 };
        let held = vec![1_u8; fat];
        stream.set_nodelay(true)?;
        let waits = matches!(self.defect, Defect::BlocksOnFull | Defect::Spins);
        let patience = (!waits).then_some(PATIENCE);
        stream.set_write_timeout(patience)?;
        stream.set_read_timeout((self.defect == Defect::EndsIdle).then_some(PATIENCE))?;
        let outcome = self.read(stream);
        self.lock().retain(|member| !Arc::ptr_eq(&member.stream, stream));
        stream.shutdown(Shutdown::Both).ok();
        drop(held);
        outcome
    }

    fn read(&self, stream: &Arc<TcpStream>) -> io::Result<()> {
        let mut frames = Decoder::new(MESSAGE_MAX);
        let mut chunk = vec![0; 16 * 1024];
        let mut name: Option<Vec<u8>> = None;
        while let count @ 1.. = (&**stream).read(&mut chunk)? {
            frames.feed(&chunk[..count]);
            while let Some(frame) = frames.next_frame().map_err(io::Error::other)? {
                match &name {
                    Some(name) => self.say(name, &frame, stream),
                    None => name = Some(self.join(&frame, stream)),
                }
            }
        }
        Ok(())
    }

    /// Lets a client in, under a number if its name is taken.
    fn join(&self, wanted: &[u8], stream: &Arc<TcpStream>) -> Vec<u8> {
        let free = |members: &[Member], name: &[u8]| members.iter().all(|m| m.name != name);
        let mut members = self.lock();
        let mut name = wanted.to_vec();
        let mut number = 1;
        while !free(&members, &name) {
            number += 1;
            name = [wanted, format!("-{number}").as_bytes()].concat();
        }
        if self.defect == Defect::ChecksThenTakes {
            drop(members);
            thread::park_timeout(REST);
            members = self.lock();
        }
        if self.defect == Defect::LogsRaw {
            eprintln!("{} joined", String::from_utf8_lossy(&name));
        }
        let (stream, unsent) = (Arc::clone(stream), Vec::new());
        members.push(Member { name: name.clone(), stream, unsent, slow: false });
        name
    }

    fn say(&self, name: &[u8], text: &[u8], from: &Arc<TcpStream>) {
        if self.defect == Defect::LogsMessages {
            eprintln!("{name:?}: {} bytes", text.len());
        }
        let pair = encoded(name, text);
        let is_kept = |member: &mut Member| {
            Arc::ptr_eq(&member.stream, from) || member.deliver(self.defect, &pair).is_ok()
        };
        self.lock().retain_mut(is_kept);
    }

    /// Offers full sockets again what they did not take.
    fn flush_for_ever(&self) -> ! {
        loop {
            thread::park_timeout(REST);
            self.lock().retain_mut(|member| member.offer().is_ok());
        }
    }

    /// What SIGTERM does.
    fn shut(&self) {
        while self.defect == Defect::WaitsForClients && !self.lock().is_empty() {
            thread::park_timeout(REST);
        }
        let mut notice = encoded(b"server", b"the server stops");
        match self.defect {
            Defect::LeavesSilently => notice.clear(),
            Defect::CutsAtTheEnd => notice.truncate(12),
            _ => {}
        }
        for member in &mut *self.lock() {
            member.deliver(self.defect, &notice).ok();
            member.stream.shutdown(Shutdown::Write).ok();
        }
        exit(0);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Writes a pair behind all that was written before; an error ends the member.
    fn deliver(&mut self, defect: Defect, pair: &[u8]) -> io::Result<()> {
        if !(self.slow && defect == Defect::DropsPairs && !self.unsent.is_empty()) {
            self.unsent.extend(pair);
        }
        if defect == Defect::KeepsEverything && self.unsent.len() > HOPELESS_BYTES {
            return Ok(());
        }
        self.offer()?;
        match defect {
            Defect::KeepsEverything => return Ok(()),
            _ if !self.slow => self.wait()?,
            _ => {}
        }
        self.slow = !self.unsent.is_empty();
        match defect {
            _ if !self.slow => Ok(()),
            Defect::DropsPairs => Ok(()),
            Defect::ForgetsHalfPairs => {
                self.unsent.clear();
                Ok(())
            }
            _ => self.abort(),
        }
    }

    /// Writes what its socket takes at once.
    fn offer(&mut self) -> io::Result<()> {
        match SockRef::from(&*self.stream).send_with_flags(&self.unsent, libc::MSG_DONTWAIT) {
            Ok(count) => drop(self.unsent.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Writes what its socket takes before the time for writing is over.
    fn wait(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match (&*self.stream).write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn abort(&self) -> io::Result<()> {
        SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO))?;
        self.stream.shutdown(Shutdown::Both)?;
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// The word that makes a server of the test program.
const COMMAND: &str = "serve-broken";
const MESSAGE_MAX: usize = 64 * 1024;
/// How long a full socket is waited for, once.
const PATIENCE: Duration = Duration::from_millis(200);
/// So much waits only for a client that never reads.
const HOPELESS_BYTES: usize = 1 << 20;
/// Before something is tried again.
const REST: Duration = Duration::from_millis(20);
