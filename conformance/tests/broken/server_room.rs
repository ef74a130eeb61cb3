//! Server room: the room of the small server, with the defects that show in it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::exit;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use protocol::Decoder;
use socket2::SockRef;

use crate::corrupt::encoded;
use crate::server::Defect;
use crate::silent::Silences;

/// The members of a small server, and its defect.
pub(crate) struct Room {
    defect: Defect,
    members: Mutex<Vec<Member>>,
    /// A pair that is delivered together with the next one.
    held: Mutex<Vec<u8>>,
    silences: Silences,
}

struct Member {
    name: Vec<u8>,
    stream: Arc<TcpStream>,
    /// Bytes that its socket has not taken yet.
    unsent: Vec<u8>,
    /// Whether the server has already waited once for its full socket.
    slow: bool,
}

impl Room {
    /// A room without members.
    pub(crate) fn new(defect: Defect) -> Self {
        let (members, held) = (Mutex::default(), Mutex::default());
        Self { defect, members, held, silences: Silences::default() }
    }

    /// The server's defect.
    pub(crate) fn defect(&self) -> Defect {
        self.defect
    }

    /// Since when each connection has been silent.
    pub(crate) fn silences(&self) -> &Silences {
        &self.silences
    }

    /// Serves one client, from its name to the end of its connection.
    pub(crate) fn serve(&self, stream: &Arc<TcpStream>) -> io::Result<()> {
        let extra_bytes = if self.defect == Defect::FatClients { 256 << 10 } else { 0 };
        let held = vec![1_u8; extra_bytes];
        stream.set_nodelay(true)?;
        let waits = matches!(self.defect, Defect::BlocksOnFull | Defect::BusyLoops);
        let patience = (!waits).then_some(PATIENCE);
        stream.set_write_timeout(patience)?;
        stream.set_read_timeout((self.defect == Defect::ClosesSilent).then_some(PATIENCE))?;
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
        loop {
            let count = match (&**stream).read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                // Only `ClosesSilent` sets a timeout.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if frames.is_mid_frame() {
                        self.silences.close_from(stream);
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.silences.interrupt(stream);
            frames.feed(&chunk[..count]);
            while let Some(frame) = frames.next_frame().map_err(io::Error::other)? {
                match &name {
                    Some(name) => self.say(name, &frame, stream),
                    None => name = Some(self.join(&frame, stream)),
                }
            }
        }
    }

    /// Adds a member. If the name is taken, it gets a number.
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
            thread::park_timeout(RETRY_INTERVAL);
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
        let mut pair = encoded(name, text);
        if self.defect == Defect::DelaysLongMessages && text.len() >= LONG_BYTES {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            pair = std::mem::replace(&mut *held, pair);
        }
        let is_kept = |member: &mut Member| {
            Arc::ptr_eq(&member.stream, from) || member.deliver(self.defect, &pair).is_ok()
        };
        self.lock().retain_mut(is_kept);
    }

    /// Retries all full sockets, for ever.
    pub(crate) fn flush_repeatedly(&self) -> ! {
        loop {
            thread::park_timeout(RETRY_INTERVAL);
            self.lock().retain_mut(|member| member.flush().is_ok());
        }
    }

    /// The handler of SIGTERM.
    pub(crate) fn shut_down(&self) {
        while self.defect == Defect::WaitsForClients && !self.lock().is_empty() {
            thread::park_timeout(RETRY_INTERVAL);
        }
        let mut notice = encoded(b"server", b"the server stops");
        match self.defect {
            Defect::StopsSilently => notice.clear(),
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
    /// Writes a pair after all earlier ones. After an error the member is removed.
    fn deliver(&mut self, defect: Defect, pair: &[u8]) -> io::Result<()> {
        if !(self.slow && defect == Defect::DropsPairs && !self.unsent.is_empty()) {
            self.unsent.extend(pair);
        }
        self.flush()?;
        match defect {
            Defect::KeepsMuch if self.unsent.len() < QUEUE_BYTES_MAX => return Ok(()),
            Defect::KeepsMuch => return self.close(),
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
            Defect::ClosesStalled => self.close(),
            _ => {
                SockRef::from(&*self.stream).set_linger(Some(Duration::ZERO))?;
                self.close()
            }
        }
    }

    /// Writes what its socket takes without blocking.
    fn flush(&mut self) -> io::Result<()> {
        match SockRef::from(&*self.stream).send_with_flags(&self.unsent, libc::MSG_DONTWAIT) {
            Ok(count) => drop(self.unsent.drain(..count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Writes what its socket takes before the write timeout.
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

    fn close(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Both)?;
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// Time before the next attempt.
pub(crate) const RETRY_INTERVAL: Duration = Duration::from_millis(20);
const MESSAGE_MAX: usize = 64 * 1024;
/// At least as long as a message of a message stream.
const LONG_BYTES: usize = 1000;
/// How long the server waits, once, for a full socket: longer than a busy machine keeps a client
/// from reading.
const PATIENCE: Duration = Duration::from_millis(800);
/// The bound of one client's queue. A few clients exceed what our servers declare for all.
const QUEUE_BYTES_MAX: usize = 8 << 20;
