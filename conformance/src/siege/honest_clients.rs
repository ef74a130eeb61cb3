//! Honest clients: they send numbered messages and check every delivery of each other's.

use std::time::{Duration, Instant};
use std::{io, mem};

use hdrhistogram::Histogram;
use load::wire::{PairRef, split_pair};
use load::{
    Crowd, LoadError, Outbox, ReadOutcome, Shape, Speakers, Stamp, StreamChecker, Violation,
    histogram, nanos, parse, read_once,
};
use mio::net::TcpStream;
use mio::{Events, Poll};

use super::counts::Counts;

/// The honest clients of one server, all joined.
#[derive(Debug)]
pub(super) struct HonestClients {
    poll: Poll,
    events: Events,
    clients: Vec<HonestClient>,
    sent: SentMessages,
    buffer: Box<[u8]>,
}

#[derive(Debug)]
struct HonestClient {
    stream: TcpStream,
    outbox: Outbox,
    /// The first bytes of a pair that is not complete.
    carry: Vec<u8>,
    checker: StreamChecker,
    /// Without the expected ones.
    counts: Counts,
    /// What ended its connection.
    end: Option<String>,
}

/// What all honest clients have sent, and how long its deliveries took.
#[derive(Debug)]
struct SentMessages {
    /// Sorted, and all of one length.
    names: Vec<String>,
    /// By client: when it sent each message.
    sent_at: Vec<Vec<Instant>>,
    /// By client: the number of the first of those messages.
    first: Vec<u64>,
    /// How long deliveries took, in nanoseconds.
    latencies: Histogram<u64>,
    /// When a message was last received for the first time.
    progress: Instant,
}

impl HonestClients {
    /// Connects `count` clients and waits until each receives what every other one sends.
    ///
    /// # Errors
    ///
    /// A connection fails, or the server loses or alters something already now.
    pub(super) fn join(
        addr: std::net::SocketAddr,
        count: usize,
        size: usize,
    ) -> Result<Self, LoadError> {
        let shape = Shape::chat(count, 0, size);
        let Speakers { poll, names, connections } = Crowd::join(addr, &shape)?.into_speakers();
        let first: Vec<u64> = connections.iter().map(|(_, outbox)| outbox.next).collect();
        let client = |(stream, outbox)| HonestClient {
            stream,
            outbox,
            carry: Vec::new(),
            checker: StreamChecker::starting_at(&first),
            counts: Counts::default(),
            end: None,
        };
        let clients = connections.into_iter().map(client).collect();
        let sent = SentMessages {
            names,
            sent_at: vec![Vec::new(); count],
            first,
            latencies: histogram(),
            progress: Instant::now(),
        };
        let (events, buffer) = (Events::with_capacity(count), vec![0; READ_BYTES].into());
        Ok(Self { poll, events, clients, sent, buffer })
    }

    /// Makes one client send one message.
    pub(super) fn send(&mut self, client: usize) {
        self.sent.sent_at[client].push(Instant::now());
        let client = &mut self.clients[client];
        client.outbox.queue(1);
        client.flush();
    }

    /// Reads and checks what has come, after waiting for it for at most this long.
    ///
    /// # Errors
    ///
    /// The poll fails.
    pub(super) fn receive(&mut self, within: Duration) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(within)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let events = mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            let client = &mut self.clients[event.token().0];
            if event.is_writable() {
                client.flush();
            }
            if event.is_readable() || event.is_read_closed() {
                client.read(&mut self.buffer, &mut self.sent);
            }
        }
        self.events = events;
        Ok(())
    }

    /// Whether every client that is still connected has received everything that the others sent.
    pub(super) fn is_settled(&self) -> bool {
        self.clients.iter().enumerate().all(|(listener, client)| {
            client.end.is_some() || client.counts.received >= self.expected(listener)
        })
    }

    /// How long no message was received for the first time.
    pub(super) fn silence(&self) -> Duration {
        self.sent.progress.elapsed()
    }

    /// What became of all deliveries so far.
    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for (listener, client) in self.clients.iter().enumerate() {
            sum += Counts { expected: self.expected(listener), ..client.counts };
        }
        sum
    }

    /// How long deliveries took, in nanoseconds.
    pub(super) fn latencies(&self) -> &Histogram<u64> {
        &self.sent.latencies
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    /// Every client that lost its connection, with what ended it.
    pub(super) fn ended(&self) -> Vec<String> {
        let ended = |(number, client): (usize, &HonestClient)| {
            client.end.as_ref().map(|end| format!("honest client {number}: {end}"))
        };
        self.clients.iter().enumerate().filter_map(ended).collect()
    }

    /// How many messages one client must have received of the others.
    fn expected(&self, listener: usize) -> u64 {
        let sent = self.sent.sent_at.iter().enumerate();
        sent.filter(|(client, _)| *client != listener).map(|(_, sent)| sent.len() as u64).sum()
    }
}

impl HonestClient {
    fn flush(&mut self) {
        if let Err(error) = self.outbox.flush(&mut self.stream) {
            self.end.get_or_insert_with(|| error.to_string());
        }
    }

    fn read(&mut self, buffer: &mut [u8], sent: &mut SentMessages) {
        while self.end.is_none() {
            match read_once(&mut self.stream, buffer) {
                Ok(ReadOutcome::Bytes(count)) => self.take_pairs(&buffer[..count], sent),
                Ok(ReadOutcome::WouldBlock) => return,
                Ok(ReadOutcome::Eof) => self.end = Some("the server closed its connection".into()),
                Err(error) => self.end = Some(error.to_string()),
            }
        }
    }

    /// Checks every whole pair, and keeps the bytes after the last one.
    fn take_pairs(&mut self, bytes: &[u8], sent: &mut SentMessages) {
        let mut carry = mem::take(&mut self.carry);
        carry.extend_from_slice(bytes);
        let mut rest = &carry[..];
        loop {
            match split_pair(rest, PAYLOAD_MAX) {
                Ok(Some((pair, after))) => {
                    self.count(pair, sent);
                    rest = after;
                }
                Ok(None) => break,
                Err(error) => {
                    self.end = Some(format!("it received a broken frame: {error}"));
                    return;
                }
            }
        }
        let taken = carry.len() - rest.len();
        carry.drain(..taken);
        self.carry = carry;
    }

    /// Counts a pair under the name of an honest client. Other pairs are read and ignored.
    fn count(&mut self, pair: PairRef<'_>, sent: &mut SentMessages) {
        let Some(client) = sent.find(pair.sender) else { return };
        let stamp = sent.stamp(client, pair);
        let checked = stamp.clone().and_then(|stamp| self.checker.check(stamp));
        if self.counts.record(&checked)
            && let Ok(stamp) = stamp
        {
            sent.record_latency(stamp);
        }
    }
}

impl SentMessages {
    /// The honest client of this name.
    fn find(&self, name: &[u8]) -> Option<usize> {
        // All honest names have one length: in a flood there is no time to compare more.
        if name.len() != self.names[0].len() {
            return None;
        }
        self.names.binary_search_by(|other| other.as_bytes().cmp(name)).ok()
    }

    /// The stamp of a message under the name of this client.
    ///
    /// # Errors
    ///
    /// The client did not send the message like this.
    fn stamp(&self, client: usize, pair: PairRef<'_>) -> Result<Stamp, Violation> {
        let stamp = parse(pair.text)?;
        let end = self.first[client] + self.sent_at[client].len() as u64;
        if stamp.speaker == client && stamp.sequence < end {
            return Ok(stamp);
        }
        let sender = pair.sender.escape_ascii().to_string();
        Err(Violation::Sender { speaker: stamp.speaker, sender })
    }

    /// Records the first delivery of a message to one client.
    fn record_latency(&mut self, stamp: Stamp) {
        self.progress = Instant::now();
        let place = usize::try_from(stamp.sequence - self.first[stamp.speaker]);
        let sent_at = self.sent_at[stamp.speaker][place.expect("it indexes a vector")];
        self.latencies.saturating_record(nanos(self.progress - sent_at));
    }
}

const READ_BYTES: usize = 256 * 1024;
/// Longer than any frame that a server of the siege relays.
const PAYLOAD_MAX: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_its_client_has_not_sent_yet_is_a_violation() {
        let sent = SentMessages {
            names: vec!["ann".into(), "bob".into()],
            sent_at: vec![vec![Instant::now(); 2], Vec::new()],
            first: vec![3, 0],
            latencies: histogram(),
            progress: Instant::now(),
        };
        let text = |speaker, sequence| Stamp { speaker, sequence }.message(64);
        let check = |client, text: &[u8]| {
            sent.stamp(client, PairRef { sender: b"ann", text }).map(|stamp| stamp.sequence)
        };
        assert_eq!(Ok(4), check(0, &text(0, 4)));
        assert!(check(0, &text(0, 5)).is_err(), "it has sent messages 3 and 4");
        assert!(check(0, &text(1, 4)).is_err(), "the stamp is of another client");
        assert!(check(0, b"hello").is_err());
        assert_eq!((Some(1), None), (sent.find(b"bob"), sent.find(b"cyd")));
    }
}
