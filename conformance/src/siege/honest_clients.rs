//! Honest clients: clients that say numbered messages at a steady rate, and check every delivery of each other's.

use std::time::{Duration, Instant};
use std::{io, mem};

use hdrhistogram::Histogram;
use load::wire::{PairRef, split_pair};
use load::{
    Crowd, LoadError, Outbox, ReadOutcome, Shape, Speakers, histogram, nanos, parse, read_once,
};
use mio::net::TcpStream;
use mio::{Events, Poll};

use super::counts::{Account, Counts, Delivery};

/// The honest clients of one server, all joined.
#[derive(Debug)]
pub(super) struct HonestClients {
    poll: Poll,
    events: Events,
    names: Vec<String>,
    seats: Vec<Seat>,
    books: Books,
    buffer: Box<[u8]>,
}

#[derive(Debug)]
struct Seat {
    stream: TcpStream,
    outbox: Outbox,
    /// A pair begun and not complete.
    carry: Vec<u8>,
    account: Account,
    /// What ended its connection.
    cut_off: Option<String>,
}

/// What all honest clients share in checking.
#[derive(Debug)]
struct Books {
    /// By speaker: when each message was said.
    said_at: Vec<Vec<Instant>>,
    /// By speaker: the number of the first of those.
    first: Vec<u64>,
    /// How long deliveries took, in nanoseconds.
    latencies: Histogram<u64>,
    /// When something came that was said by an honest client and not heard before.
    progress: Instant,
}

impl HonestClients {
    /// Connects so many clients and waits until each is known to hear all others.
    ///
    /// # Errors
    ///
    /// A connection fails, or the server loses or spoils something already now.
    pub(super) fn join(
        addr: std::net::SocketAddr,
        count: usize,
        size: usize,
    ) -> Result<Self, LoadError> {
        let shape = Shape::chat(count, 0, size);
        let Speakers { poll, names, seats } = Crowd::join(addr, &shape)?.into_speakers();
        let first: Vec<u64> = seats.iter().map(|(_, outbox)| outbox.next).collect();
        let seat = |(stream, outbox)| Seat {
            stream,
            outbox,
            carry: Vec::new(),
            account: Account::new(first.clone()),
            cut_off: None,
        };
        let seats = seats.into_iter().map(seat).collect();
        let books = Books {
            said_at: vec![Vec::new(); count],
            first,
            latencies: histogram(),
            progress: Instant::now(),
        };
        let (events, buffer) = (Events::with_capacity(count), vec![0; READ_BYTES].into());
        Ok(Self { poll, events, names, seats, books, buffer })
    }

    /// Has one of them say one message.
    pub(super) fn say(&mut self, speaker: usize) {
        let seat = &mut self.seats[speaker];
        seat.outbox.say(1);
        self.books.said_at[speaker].push(Instant::now());
        seat.flush();
    }

    /// Hears what has come, after waiting for it for at most this long.
    ///
    /// # Errors
    ///
    /// The poll fails.
    pub(super) fn listen(&mut self, within: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(within)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let seat = &mut self.seats[event.token().0];
            if event.is_writable() {
                seat.flush();
            }
            if event.is_readable() || event.is_read_closed() {
                seat.listen(&mut self.buffer, &self.names, &mut self.books);
            }
        }
        self.events = events;
        Ok(())
    }

    /// Whether all that was said has been heard, as far as the connections still stand.
    pub(super) fn is_settled(&self) -> bool {
        let due = |(listener, seat): (usize, &Seat)| {
            seat.cut_off.is_some() || seat.account.counts.received >= self.expected(listener)
        };
        self.seats.iter().enumerate().all(due)
    }

    /// How long nothing new has been heard.
    pub(super) fn silence(&self) -> Duration {
        self.books.progress.elapsed()
    }

    /// What became of all deliveries so far.
    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for (listener, seat) in self.seats.iter().enumerate() {
            sum += Counts { expected: self.expected(listener), ..seat.account.counts };
        }
        sum
    }

    pub(super) fn latencies(&self) -> &Histogram<u64> {
        &self.books.latencies
    }

    pub(super) fn len(&self) -> usize {
        self.seats.len()
    }

    /// Who lost the connection, and how.
    pub(super) fn cut_off(&self) -> Vec<String> {
        let told = |(number, seat): (usize, &Seat)| {
            seat.cut_off.as_ref().map(|how| format!("honest client {number}: {how}"))
        };
        self.seats.iter().enumerate().filter_map(told).collect()
    }

    /// How many messages of the others one has to have heard.
    fn expected(&self, listener: usize) -> u64 {
        let said = self.books.said_at.iter().enumerate();
        said.filter(|(speaker, _)| *speaker != listener).map(|(_, said)| said.len() as u64).sum()
    }
}

impl Seat {
    fn flush(&mut self) {
        if let Err(error) = self.outbox.flush(&mut self.stream) {
            self.cut_off.get_or_insert_with(|| error.to_string());
        }
    }

    fn listen(&mut self, buffer: &mut [u8], names: &[String], books: &mut Books) {
        while self.cut_off.is_none() {
            match read_once(&mut self.stream, buffer) {
                Ok(ReadOutcome::Bytes(count)) => self.hear(&buffer[..count], names, books),
                Ok(ReadOutcome::WouldBlock) => return,
                Ok(ReadOutcome::Eof) => {
                    self.cut_off = Some("the server ended its connection".into());
                }
                Err(error) => self.cut_off = Some(error.to_string()),
            }
        }
    }

    /// Takes every whole pair, and keeps what is left for the next time.
    fn hear(&mut self, bytes: &[u8], names: &[String], books: &mut Books) {
        let mut carry = mem::take(&mut self.carry);
        carry.extend_from_slice(bytes);
        let mut rest = &carry[..];
        loop {
            match split_pair(rest, PAYLOAD_MAX) {
                Ok(Some((pair, behind))) => {
                    books.check(pair, names, &mut self.account);
                    rest = behind;
                }
                Ok(None) => break,
                Err(error) => {
                    self.cut_off = Some(format!("it got a broken frame: {error}"));
                    return;
                }
            }
        }
        let taken = carry.len() - rest.len();
        carry.drain(..taken);
        self.carry = carry;
    }
}

impl Books {
    /// Books a pair if it is of an honest client; what hostile ones say is heard and of no interest.
    fn check(&mut self, pair: PairRef<'_>, names: &[String], account: &mut Account) {
        // All honest names are of one length: in a flood, nothing else can be looked at.
        if pair.sender.len() != names[0].len() {
            return;
        }
        let Ok(speaker) = names.binary_search_by(|name| name.as_bytes().cmp(pair.sender)) else {
            return;
        };
        let Some(stamp) = parse(pair.text).ok().filter(|stamp| stamp.speaker == speaker) else {
            account.counts.altered += 1;
            return;
        };
        let (first, said_at) = (self.first[speaker], &self.said_at[speaker]);
        let said = first + said_at.len() as u64;
        if account.hear(speaker, stamp.sequence, said) == Delivery::First {
            self.progress = Instant::now();
            let place = usize::try_from(stamp.sequence - first).expect("it indexes a vector");
            self.latencies.saturating_record(nanos(self.progress - said_at[place]));
        }
    }
}

const READ_BYTES: usize = 256 * 1024;
/// Longer than any frame that a server of the siege relays.
const PAYLOAD_MAX: usize = 16 * 1024 * 1024;
