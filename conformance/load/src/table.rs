//! Connection table: the members of a crowd and the state that checks them. It never waits.

use mio::event::Event;
use mio::net::TcpStream;

use super::error::LoadError;
use super::member::{Decoding, Member, ReadOutcome, Receiver, read_once};
use super::outbox::Outbox;
use super::reference::Reference;
use super::roster::Roster;
use super::stream::{Stamp, StreamChecker};
use super::tracker::Tracker;

/// The members and what each must receive. The first ones, one per outbox, are the speakers.
#[derive(Debug)]
pub(super) struct ConnectionTable {
    pub(super) members: Vec<Member>,
    pub(super) roster: Roster,
    pub(super) outboxes: Vec<Outbox>,
    pub(super) reference: Reference,
    /// Messages sent by all speakers together.
    pub(super) sent: u64,
    /// The member that had the largest lag at the last look. While its lag stays the same and
    /// nothing is sent, no other member's lag can be larger, and thousands of members need not be
    /// looked at again.
    laggard: Option<Laggard>,
    /// The messages due and received, while an open loop runs.
    pub(super) tracker: Option<Tracker>,
    /// The most bytes of the reference that an open loop keeps before it looks which members need
    /// them.
    pub(super) kept_max: usize,
    buffer: Box<[u8]>,
}

/// A member and its lag: how many messages it has not received yet.
#[derive(Clone, Copy, Debug)]
struct Laggard {
    member: usize,
    lag: u64,
}

impl ConnectionTable {
    pub(super) fn new(roster: Roster) -> Self {
        let speakers = roster.names.len();
        let outbox = |(speaker, name): (usize, &String)| {
            Outbox::new(speaker, name, roster.size, roster.dialect)
        };
        Self {
            members: Vec::new(),
            outboxes: roster.names.iter().enumerate().map(outbox).collect(),
            reference: Reference::new(StreamChecker::new(speakers), roster.delivery_len()),
            roster,
            sent: 0,
            laggard: None,
            tracker: None,
            kept_max: 0,
            buffer: vec![0; READ_BYTES].into(),
        }
    }

    pub(super) fn speakers(&self) -> usize {
        self.outboxes.len()
    }

    /// How many members receive each message: all but its speaker, or all but the speakers.
    pub(super) fn receivers(&self) -> u32 {
        let others = if self.roster.dialect.speakers_receive() { 1 } else { self.speakers() };
        u32::try_from(self.members.len() - others).expect("each has a descriptor of its own")
    }

    /// What a member is called in errors.
    pub(super) fn title(&self, member: usize) -> String {
        match member.checked_sub(self.speakers()) {
            Some(listener) => format!("listener {listener}"),
            None => format!("speaker {member}"),
        }
    }

    /// Sends `count` messages, spread evenly over the speakers, each speaker's in one write if the
    /// kernel allows.
    pub(super) fn send(&mut self, count: u64) -> Result<(), LoadError> {
        let speakers = self.speakers() as u64;
        // The first speaker rotates, so that few messages at a time are spread evenly too.
        let first = self.sent % speakers;
        for turn in 0..speakers.min(count) {
            let share = count / speakers + u64::from(turn < count % speakers);
            let speaker = (first + turn) % speakers;
            self.send_as(usize::try_from(speaker).expect("it indexes a vector"), share)?;
        }
        Ok(())
    }

    /// Sends `count` messages of one speaker.
    pub(super) fn send_as(&mut self, speaker: usize, count: u64) -> Result<(), LoadError> {
        let outbox = &mut self.outboxes[speaker];
        // A speaker does not receive its own messages: they count as received at once.
        if let Receiver::Decoding(Decoding { checker, .. }) = &mut self.members[speaker].receiver {
            for sequence in outbox.next..outbox.next + count {
                // This fails if the server made up a message of this speaker and delivered it to
                // the speaker.
                let checked = checker.check(Stamp { speaker, sequence });
                checked.map_err(LoadError::violation(format!("speaker {speaker}")))?;
            }
        }
        outbox.queue(count);
        self.sent += count;
        self.laggard = None;
        self.flush(speaker)
    }

    /// Writes and reads what an event says is possible.
    pub(super) fn handle_event(&mut self, event: &Event) -> Result<(), LoadError> {
        let member = event.token().0;
        if event.is_writable() && member < self.speakers() {
            self.flush(member)?;
        }
        if event.is_readable() {
            self.read(member)?;
        }
        // One event may report both bytes and the EOF, and the EOF would not be reported again.
        if event.is_read_closed() { self.read(member) } else { Ok(()) }
    }

    /// The largest lag of a member, in messages; `None` before every member has received a message
    /// of every speaker. Discards what all members have received.
    pub(super) fn lag(&mut self) -> Option<u64> {
        let last = self.laggard.filter(|last| self.lag_of(last.member) == Some(last.lag));
        if let Some(last) = last {
            return Some(last.lag);
        }
        self.laggard = None;
        self.trim();
        let mut laggard = Laggard { member: 0, lag: 0 };
        for member in 0..self.members.len() {
            let lag = self.lag_of(member)?;
            // Of equals the last one: servers usually serve it last, so its lag stays the largest
            // for longest.
            if lag >= laggard.lag {
                laggard = Laggard { member, lag };
            }
        }
        self.laggard = Some(laggard);
        Some(laggard.lag)
    }

    /// Adds one more member.
    pub(super) fn add(&mut self, stream: TcpStream) {
        let is_speaker = self.members.len() < self.speakers();
        let receiver = if is_speaker && !self.roster.dialect.speakers_receive() {
            Receiver::SendOnly(Vec::new())
        } else {
            Receiver::new(self.speakers())
        };
        self.members.push(Member { stream, receiver });
        self.laggard = None;
    }

    /// Makes every listener follow one reference from here on. Nothing may be in flight.
    pub(super) fn follow_reference(&mut self) {
        let Some(listener) = self.members.get(self.speakers()) else { return };
        if !self.members.iter().any(|member| matches!(member.receiver, Receiver::Following(_))) {
            let checker = listener.receiver.checker(&self.reference).expect("a listener receives");
            self.reference = Reference::new(checker, self.roster.delivery_len());
        }
        for member in &mut self.members[self.outboxes.len()..] {
            member.receiver.follow_reference(&self.reference);
        }
    }

    /// Listeners whose stream has differed from the reference since they last started to follow it.
    pub(super) fn strayed(&self) -> usize {
        let listeners = &self.members[self.speakers()..];
        listeners.iter().filter(|member| member.receiver.has_strayed()).count()
    }

    /// The member with the largest lag, and the first message that it has not received.
    pub(super) fn laggard(&self) -> (String, String) {
        let passed = |member: &Member| member.receiver.passed(&self.reference);
        let laggard = (0..self.members.len()).min_by_key(|member| passed(&self.members[*member]));
        let member = laggard.unwrap_or_default();
        (self.title(member), self.missing(member))
    }

    /// The speakers' names, and their connections with their outboxes, in the same order.
    pub(super) fn into_speakers(self) -> (Vec<String>, Vec<(TcpStream, Outbox)>) {
        let streams = self.members.into_iter().map(|member| member.stream);
        (self.roster.names, streams.zip(self.outboxes).collect())
    }

    fn lag_of(&self, member: usize) -> Option<u64> {
        let passed = self.members[member].receiver.passed(&self.reference)?;
        Some(self.sent.saturating_sub(passed))
    }

    pub(super) fn trim(&mut self) {
        let offsets = self.members.iter().filter_map(|member| match member.receiver {
            Receiver::Following(offset) => Some(offset),
            Receiver::Decoding(_) | Receiver::SendOnly(_) => None,
        });
        let lowest = offsets.min().unwrap_or(self.reference.head());
        self.reference.trim(lowest);
    }

    fn missing(&self, member: usize) -> String {
        let checker = self.members[member].receiver.checker(&self.reference);
        let missing = self.outboxes.iter().enumerate().find_map(|(speaker, outbox)| {
            let next = checker.as_ref()?.next(speaker).unwrap_or(0);
            (next < outbox.next).then(|| format!("message {next} of speaker {speaker}"))
        });
        missing.unwrap_or_else(|| "anything more".into())
    }

    fn flush(&mut self, speaker: usize) -> Result<(), LoadError> {
        let stream = &mut self.members[speaker].stream;
        let outbox = &mut self.outboxes[speaker];
        let failed = LoadError::io(format!("writing as speaker {speaker}"));
        outbox.flush(stream).map_err(failed)
    }

    /// Reads and checks everything that has arrived for a member.
    fn read(&mut self, index: usize) -> Result<(), LoadError> {
        loop {
            let member = &mut self.members[index];
            let count = match read_once(&mut member.stream, &mut self.buffer) {
                Ok(ReadOutcome::Bytes(count)) => count,
                Ok(ReadOutcome::WouldBlock) => return Ok(()),
                Ok(ReadOutcome::Eof) => return Err(self.closed(index)),
                Err(error) => {
                    return Err(LoadError::io(format!("reading as {}", self.title(index)))(error));
                }
            };
            let bytes = &self.buffer[..count];
            let (reference, roster) = (&mut self.reference, &self.roster);
            let checked = match &mut self.tracker {
                Some(tracker) => {
                    let now = tracker.now();
                    let seen = |stamp| tracker.received(stamp, now);
                    member.receiver.receive(bytes, reference, roster, seen)
                }
                None => member.receiver.receive(bytes, reference, roster, |_| ()),
            };
            checked.map_err(|violation| LoadError::violation(self.title(index))(violation))?;
            // A read that fills less than the buffer has emptied the socket: the next byte is an
            // event.
            if count < self.buffer.len() {
                return Ok(());
            }
        }
    }

    fn closed(&self, member: usize) -> LoadError {
        LoadError::Closed { member: self.title(member), missing: self.missing(member) }
    }
}

/// The pairs of 1024 messages of 64 bytes fit in one read.
const READ_BYTES: usize = 256 * 1024;
