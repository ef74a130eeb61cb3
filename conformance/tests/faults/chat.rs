//! Chat: members that receive their own messages, so that each knows what has reached the room.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use conformance::suite::pairs::PairReader;
use conformance::target::{Received, TcpWire, Wire};
use libtest_mimic::Failed;
use protocol::encode_frame;

/// The members of one server that relays to everyone.
pub(crate) struct Chat {
    addr: SocketAddr,
    members: Vec<Member>,
    /// Sender and text of each message that its sender has received, in order.
    sent: Vec<(String, String)>,
    /// The texts that clients received which were not admitted.
    rejections: Vec<String>,
    /// The number of names given so far.
    names: usize,
}

struct Member {
    name: String,
    wire: TcpWire,
    pairs: PairReader,
    /// Sender and text of each message, from the first one that it sent itself.
    received: Vec<(String, String)>,
    /// The length of [`Chat::sent`] when it joined.
    since: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Present,
    Lost,
}

impl Chat {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, members: Vec::new(), sent: Vec::new(), rejections: Vec::new(), names: 0 }
    }

    /// Makes several members join, one after the other.
    pub(crate) fn join(&mut self) -> Result<(), Failed> {
        (0..MEMBERS).try_for_each(|_| self.join_one())
    }

    /// Makes one member join. The server may reject it a few times before.
    pub(crate) fn join_one(&mut self) -> Result<(), Failed> {
        for _ in 0..TRIES {
            self.names += 1;
            let name = format!("member{}", self.names);
            let mut member = Member::connect(&name, self.addr, self.sent.len())?;
            let text = format!("{name} is here");
            if member.send(&[&name, &text]) && member.receives_its_own(&text)? {
                self.sent.push((name, text));
                self.members.push(member);
                return Ok(());
            }
            self.rejections.extend(member.received.into_iter().map(|(_, text)| text));
        }
        let got = &self.rejections;
        Err(format!("a newcomer admitted within {TRIES} tries expected, got {got:?}").into())
    }

    /// Makes the first member send many messages and the others one each: a fault that is injected
    /// late in one client's calls hits only the first member.
    pub(crate) fn talk(&mut self) -> Result<(), Failed> {
        for round in 0..ROUNDS {
            self.say(0, &format!("round {round}"))?;
        }
        (1..self.members.len()).try_for_each(|place| self.say(place, "me too"))
    }

    fn say(&mut self, place: usize, text: &str) -> Result<(), Failed> {
        let member = &mut self.members[place];
        if member.state == State::Present
            && member.send(&[text])
            && member.receives_its_own(text)?
        {
            self.sent.push((member.name.clone(), text.into()));
        } else {
            member.state = State::Lost;
        }
        Ok(())
    }

    /// Expects that the newest member receives nothing and stays connected, for this time.
    pub(crate) fn expect_silence(&mut self, window: Duration) -> Result<(), Failed> {
        let newest = self.members.last_mut().ok_or("a member expected")?;
        match newest.wire.receive(1, window) {
            Received::Silence => Ok(()),
            other => Err(format!("silence expected, got {other:?}").into()),
        }
    }

    /// Makes all members send a last message and receive everything up to the last of these. Then
    /// compares what the present members have received from each other with what they sent.
    pub(crate) fn compare(&mut self) -> Result<(), Failed> {
        (0..self.members.len()).try_for_each(|place| self.say(place, LAST))?;
        let is_present = |member: &Member| member.state == State::Present;
        let names: Vec<_> =
            self.members.iter().filter(|it| is_present(it)).map(|it| it.name.clone()).collect();
        let last = names.last().ok_or("all members have lost their connections")?;
        for member in self.members.iter_mut().filter(|it| is_present(it)) {
            if !member.receives(last, LAST)? {
                member.state = State::Lost;
                continue;
            }
            let of_them = |pair: &&(String, String)| names.contains(&pair.0);
            let expected: Vec<_> = self.sent[member.since..].iter().filter(of_them).collect();
            let got: Vec<_> = member.received.iter().filter(of_them).collect();
            if expected != got {
                let name = &member.name;
                return Err(format!("{name}: {expected:?} expected, got {got:?}").into());
            }
        }
        Ok(())
    }

    /// The number of members that have lost their connection, and of those that have not.
    pub(crate) fn lost_and_present(&self) -> (usize, usize) {
        let lost = self.members.iter().filter(|member| member.state == State::Lost).count();
        (lost, self.members.len() - lost)
    }

    /// The texts that clients received which were not admitted.
    pub(crate) fn rejections(&self) -> &Vec<String> {
        &self.rejections
    }
}

impl Member {
    fn connect(name: &str, addr: SocketAddr, since: usize) -> Result<Self, Failed> {
        let wire = TcpWire::connect(addr)?;
        let (name, pairs, received) = (name.to_owned(), PairReader::default(), Vec::new());
        Ok(Self { name, wire, pairs, received, since, state: State::Present })
    }

    /// Sends frames in one write; `false` if the connection has ended.
    fn send(&mut self, frames: &[&str]) -> bool {
        let mut bytes = Vec::new();
        for frame in frames {
            encode_frame(frame.as_bytes(), &mut bytes);
        }
        self.wire.send(&bytes).is_ok()
    }

    fn receives_its_own(&mut self, text: &str) -> Result<bool, Failed> {
        self.receives(&self.name.clone(), text)
    }

    /// Waits until it has received this pair; `false` if the connection ends before.
    fn receives(&mut self, sender: &str, text: &str) -> Result<bool, Failed> {
        let (start, wanted) = (Instant::now(), (sender.to_owned(), text.to_owned()));
        while !self.received.contains(&wanted) {
            match self.wire.receive(CHUNK, DEADLINE) {
                Received::Bytes(bytes) => self.pairs.feed(&bytes),
                Received::Eof | Received::Reset => return Ok(false),
                Received::Silence => {}
            }
            while let Some(pair) = self.pairs.next_pair().map_err(|error| format!("{error:?}"))? {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                self.received.push((text(&pair.sender), text(&pair.text)));
            }
            if start.elapsed() > DEADLINE {
                let name = &self.name;
                return Err(format!("{name}: `{text}` from {sender} expected").into());
            }
        }
        Ok(true)
    }
}

const MEMBERS: usize = 6;
const ROUNDS: usize = 12;
/// A client is rejected when a call for it fails, and tries again.
const TRIES: usize = 12;
const LAST: &str = "last";
const CHUNK: usize = 64 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);
