//! Table: the members of a crowd with all that checks them; everything but the waiting.

use mio::event::Event;
use mio::net::TcpStream;

use super::error::LoadError;
use super::member::{Decoding, Member, ReadOutcome, Receiver, read_once};
use super::outbox::Outbox;
use super::reference::Reference;
use super::roster::Roster;
use super::stream::{Stamp, StreamChecker};
use super::tracker::Tracker;

/// The members and what they have to hear. The first ones, one per outbox, are the speakers.
#[derive(Debug)]
pub(super) struct ConnectionTable {
    pub(super) members: Vec<Member>,
    pub(super) roster: Roster,
    pub(super) outboxes: Vec<Outbox>,
    pub(super) reference: Reference,
    /// Messages said in all.
    pub(super) said: u64,
    /// Who was furthest behind when we last looked. As long as it stays where it is and nothing is
    /// said, nobody can be further behind, and thousands need not be looked at again.
    furthest: Option<Furthest>,
    /// What is due and was heard, while a paced load runs.
    pub(super) watch: Option<Tracker>,
    /// The most bytes of the reference that a paced load keeps before it looks who needs them.
    pub(super) kept_max: usize,
    buffer: Box<[u8]>,
}

/// A member, and how many messages it has still to hear.
#[derive(Clone, Copy, Debug)]
struct Furthest {
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
            said: 0,
            furthest: None,
            watch: None,
            kept_max: 0,
            buffer: vec![0; READ_BYTES].into(),
        }
    }

    pub(super) fn speakers(&self) -> usize {
        self.outboxes.len()
    }

    /// How many members hear each message: all but its speaker, or all but the speakers.
    pub(super) fn hearers(&self) -> u32 {
        let deaf = if self.roster.dialect.speakers_hear() { 1 } else { self.speakers() };
        u32::try_from(self.members.len() - deaf).expect("each has a descriptor of its own")
    }

    pub(super) fn said(&self) -> u64 {
        self.said
    }

    /// What a member is called in errors.
    pub(super) fn title(&self, member: usize) -> String {
        match member.checked_sub(self.speakers()) {
            Some(listener) => format!("listener {listener}"),
            None => format!("speaker {member}"),
        }
    }

    /// Has the speakers say `count` messages, evenly, each in one write if the kernel allows.
    pub(super) fn say(&mut self, count: u64) -> Result<(), LoadError> {
        let speakers = self.speakers() as u64;
        // Whoever is first rotates, so that few messages at a time are spread evenly too.
        let first = self.said % speakers;
        for turn in 0..speakers.min(count) {
            let share = count / speakers + u64::from(turn < count % speakers);
            let speaker = (first + turn) % speakers;
            self.say_as(usize::try_from(speaker).expect("it indexes a vector"), share)?;
        }
        Ok(())
    }

    /// Has one speaker say `count` messages.
    pub(super) fn say_as(&mut self, speaker: usize, count: u64) -> Result<(), LoadError> {
        let outbox = &mut self.outboxes[speaker];
        // Speakers do not hear themselves: what they say counts as heard by them at once.
        if let Receiver::Decoding(Decoding { checker, .. }) = &mut self.members[speaker].receiver {
            for sequence in outbox.next..outbox.next + count {
                // It has a gap if the server made up a message and let the speaker hear it.
                let counted = checker.check(Stamp { speaker, sequence });
                counted.map_err(LoadError::violation(format!("speaker {speaker}")))?;
            }
        }
        outbox.queue(count);
        self.said += count;
        self.furthest = None;
        self.flush(speaker)
    }

    /// Does what a member is ready for.
    pub(super) fn attend(&mut self, event: &Event) -> Result<(), LoadError> {
        let member = event.token().0;
        if event.is_writable() && member < self.speakers() {
            self.flush(member)?;
        }
        if event.is_readable() {
            self.listen(member)?;
        }
        // Bytes and the end may be told by one event, and the end would not be told again.
        if event.is_read_closed() { self.listen(member) } else { Ok(()) }
    }

    /// How far the member furthest behind is, in messages; `None` while somebody has not heard every
    /// speaker yet. Forgets what all have heard.
    pub(super) fn lag(&mut self) -> Option<u64> {
        let last = self.furthest.filter(|last| self.lag_of(last.member) == Some(last.lag));
        if let Some(last) = last {
            return Some(last.lag);
        }
        self.furthest = None;
        self.trim();
        let mut furthest = Furthest { member: 0, lag: 0 };
        for member in 0..self.members.len() {
            let lag = self.lag_of(member)?;
            // Of equals the last one: it is usually served last, and so stands for longest.
            if lag >= furthest.lag {
                furthest = Furthest { member, lag };
            }
        }
        self.furthest = Some(furthest);
        Some(furthest.lag)
    }

    /// Takes in one more member.
    pub(super) fn seat(&mut self, stream: TcpStream) {
        let is_deaf = self.members.len() < self.speakers() && !self.roster.dialect.speakers_hear();
        let receiver =
            if is_deaf { Receiver::SendOnly(Vec::new()) } else { Receiver::new(self.speakers()) };
        self.members.push(Member { stream, receiver });
        self.furthest = None;
    }

    /// Lets every listener follow one reference from here on; to be called when nothing is on its way.
    pub(super) fn follow_reference(&mut self) {
        let Some(listener) = self.members.get(self.speakers()) else { return };
        if !self.members.iter().any(|member| matches!(member.receiver, Receiver::Following(_))) {
            let checker = listener.receiver.checker(&self.reference).expect("a listener hears");
            self.reference = Reference::new(checker, self.roster.delivery_len());
        }
        for member in &mut self.members[self.outboxes.len()..] {
            member.receiver.follow_reference(&self.reference);
        }
    }

    /// Listeners whose stream has differed from the reference since they last fell in.
    pub(super) fn strayed(&self) -> usize {
        let listeners = &self.members[self.speakers()..];
        listeners.iter().filter(|member| member.receiver.is_stray()).count()
    }

    /// The member furthest behind, and the first message that it has not heard.
    pub(super) fn laggard(&self) -> (String, String) {
        let heard = |member: &Member| member.receiver.heard(&self.reference);
        let laggard = (0..self.members.len()).min_by_key(|member| heard(&self.members[*member]));
        let member = laggard.unwrap_or_default();
        (self.title(member), self.missing(member))
    }

    /// The speakers' connections with what they have said, in their order.
    pub(super) fn into_speakers(self) -> (Vec<String>, Vec<(TcpStream, Outbox)>) {
        let streams = self.members.into_iter().map(|member| member.stream);
        (self.roster.names, streams.zip(self.outboxes).collect())
    }

    fn lag_of(&self, member: usize) -> Option<u64> {
        let heard = self.members[member].receiver.heard(&self.reference)?;
        Some(self.said.saturating_sub(heard))
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
        missing.unwrap_or_else(|| "nothing more".into())
    }

    fn flush(&mut self, speaker: usize) -> Result<(), LoadError> {
        let stream = &mut self.members[speaker].stream;
        let outbox = &mut self.outboxes[speaker];
        let failed = LoadError::io(format!("writing as speaker {speaker}"));
        outbox.flush(stream).map_err(failed)
    }

    /// Reads what there is for a member and checks it.
    fn listen(&mut self, index: usize) -> Result<(), LoadError> {
        loop {
            let member = &mut self.members[index];
            let count = match read_once(&mut member.stream, &mut self.buffer) {
                Ok(ReadOutcome::Bytes(count)) => count,
                Ok(ReadOutcome::WouldBlock) => return Ok(()),
                Ok(ReadOutcome::Eof) => return Err(self.cut_off(index)),
                Err(error) => {
                    return Err(LoadError::io(format!("reading as {}", self.title(index)))(error));
                }
            };
            let bytes = &self.buffer[..count];
            let (reference, roster) = (&mut self.reference, &self.roster);
            let heard = match &mut self.watch {
                Some(watch) => {
                    let now = watch.now();
                    member.receiver.hear(bytes, reference, roster, |stamp| watch.heard(stamp, now))
                }
                None => member.receiver.hear(bytes, reference, roster, |_| ()),
            };
            heard.map_err(|fault| LoadError::violation(self.title(index))(fault))?;
            // A stream socket that gave less than was asked for is empty: the next byte is an event.
            if count < self.buffer.len() {
                return Ok(());
            }
        }
    }

    fn cut_off(&self, member: usize) -> LoadError {
        LoadError::Closed { member: self.title(member), missing: self.missing(member) }
    }
}

/// The pairs of 1024 messages of 64 bytes fit in one read.
const READ_BYTES: usize = 256 * 1024;
