//! Chat: members who hear themselves, so that each knows what has reached the room, and what they heard.

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
    /// Everything that was heard by its speaker, in order: who, and what.
    said: Vec<(String, String)>,
    told: Vec<String>,
    names: usize,
}

struct Member {
    name: String,
    wire: TcpWire,
    pairs: PairReader,
    /// Who said what, since it heard itself for the first time.
    heard: Vec<(String, String)>,
    /// How much had been said when it got in.
    since: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Here,
    Lost,
}

impl Chat {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        Self { addr, members: Vec::new(), said: Vec::new(), told: Vec::new(), names: 0 }
    }

    /// Several members, one after the other.
    pub(crate) fn gather(&mut self) -> Result<(), Failed> {
        (0..MEMBERS).try_for_each(|_| self.gather_one())
    }

    /// One more; it may be turned away a few times.
    pub(crate) fn gather_one(&mut self) -> Result<(), Failed> {
        for _ in 0..TRIES {
            self.names += 1;
            let name = format!("member{}", self.names);
            let mut member = Member::connect(&name, self.addr, self.said.len())?;
            let text = format!("{name} is here");
            if member.send(&[&name, &text]) && member.hears_itself(&text)? {
                self.said.push((name, text));
                self.members.push(member);
                return Ok(());
            }
            self.told.extend(member.heard.into_iter().map(|(_, text)| text));
        }
        Err(format!("a newcomer gets in after {TRIES} tries; they were told {:?}", self.told)
            .into())
    }

    /// The first member says much, the others little: a fault that comes late in what one client does
    /// is the first member's alone.
    pub(crate) fn talk(&mut self) -> Result<(), Failed> {
        for round in 0..ROUNDS {
            self.say(0, &format!("round {round}"))?;
        }
        (1..self.members.len()).try_for_each(|place| self.say(place, "me too"))
    }

    fn say(&mut self, place: usize, text: &str) -> Result<(), Failed> {
        let member = &mut self.members[place];
        if member.state == State::Here && member.send(&[text]) && member.hears_itself(text)? {
            self.said.push((member.name.clone(), text.into()));
        } else {
            member.state = State::Lost;
        }
        Ok(())
    }

    /// Nobody hears anything that was not said, and nobody is cut off, for this long.
    pub(crate) fn expect_silence(&mut self, window: Duration) -> Result<(), Failed> {
        let newest = self.members.last_mut().ok_or("there are members")?;
        match newest.wire.receive(1, window) {
            Received::Silence => Ok(()),
            other => Err(format!("silence expected, got {other:?}").into()),
        }
    }

    /// Everybody says a last word and hears everything up to the very last; then what those who are here
    /// have heard of each other is compared with what was said.
    pub(crate) fn compare(&mut self) -> Result<(), Failed> {
        (0..self.members.len()).try_for_each(|place| self.say(place, LAST))?;
        let here = |member: &Member| member.state == State::Here;
        let names: Vec<_> =
            self.members.iter().filter(|it| here(it)).map(|it| it.name.clone()).collect();
        let last = names.last().ok_or("everybody is lost")?;
        for member in self.members.iter_mut().filter(|it| here(it)) {
            if !member.hears(last, LAST)? {
                member.state = State::Lost;
                continue;
            }
            let of_them = |pair: &&(String, String)| names.contains(&pair.0);
            let expected: Vec<_> = self.said[member.since..].iter().filter(of_them).collect();
            let got: Vec<_> = member.heard.iter().filter(of_them).collect();
            if expected != got {
                let name = &member.name;
                return Err(format!("{name} hears {expected:?} expected, got {got:?}").into());
            }
        }
        Ok(())
    }

    /// How many members were cut off, and how many were not.
    pub(crate) fn lost_and_here(&self) -> (usize, usize) {
        let lost = self.members.iter().filter(|member| member.state == State::Lost).count();
        (lost, self.members.len() - lost)
    }

    /// What those were told who did not get in.
    pub(crate) fn told(&self) -> &Vec<String> {
        &self.told
    }
}

impl Member {
    fn connect(name: &str, addr: SocketAddr, since: usize) -> Result<Self, Failed> {
        let wire = TcpWire::connect(addr)?;
        let (name, pairs, heard) = (name.to_owned(), PairReader::default(), Vec::new());
        Ok(Self { name, wire, pairs, heard, since, state: State::Here })
    }

    /// Sends frames in one write; whether the server took them.
    fn send(&mut self, frames: &[&str]) -> bool {
        let mut bytes = Vec::new();
        for frame in frames {
            encode_frame(frame.as_bytes(), &mut bytes);
        }
        self.wire.send(&bytes).is_ok()
    }

    fn hears_itself(&mut self, text: &str) -> Result<bool, Failed> {
        self.hears(&self.name.clone(), text)
    }

    /// Waits for this pair, unless it has come; whether it did before the connection ended.
    fn hears(&mut self, sender: &str, text: &str) -> Result<bool, Failed> {
        let (start, wanted) = (Instant::now(), (sender.to_owned(), text.to_owned()));
        while !self.heard.contains(&wanted) {
            match self.wire.receive(CHUNK, DEADLINE) {
                Received::Bytes(bytes) => self.pairs.feed(&bytes),
                Received::Eof | Received::Reset => return Ok(false),
                Received::Silence => {}
            }
            while let Some(pair) = self.pairs.next_pair().map_err(|error| format!("{error:?}"))? {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                self.heard.push((text(&pair.sender), text(&pair.text)));
            }
            if start.elapsed() > DEADLINE {
                return Err(format!("{} hears `{text}` of {sender} expected", self.name).into());
            }
        }
        Ok(true)
    }
}

const MEMBERS: usize = 6;
const ROUNDS: usize = 12;
/// A client whose first call of each kind fails comes again.
const TRIES: usize = 12;
const LAST: &str = "last";
const CHUNK: usize = 64 * 1024;
const DEADLINE: Duration = Duration::from_secs(10);
