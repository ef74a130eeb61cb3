//! Floods: several members speak as fast as they can, everybody listens, and what each heard is kept.
//!
//! The load's checker of numbered messages is not used here on purpose. Each rule about floods asks one question about
//! the whole sequence: whether it is complete, in each sender's order, or in one order for all members.

use std::time::Duration;

use bytes::BytesMut;
use protocol::{Pair, encode_frame};

use crate::suite::blame::Fault;
use crate::suite::client::{Client, Next, encoded};
use crate::suite::stage::Stage;

/// A flood that has been heard; nobody has said anything since.
pub(super) struct Flood {
    /// Those who spoke come first.
    members: Vec<Client>,
    /// What each member heard, in its order.
    heard: Vec<Vec<Word>>,
}

/// One message of a flood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Word {
    /// Whose, among those who spoke.
    pub(super) speaker: usize,
    /// The how manieth of this speaker, from 0.
    pub(super) number: usize,
}

impl Flood {
    /// Four speak, in turns of a few hundred bytes that are cut wherever they happen to end, and three more
    /// listen; everybody reads along.
    ///
    /// # Errors
    ///
    /// Something comes that nobody said. What does not come is only seen in what was [heard](Self::heard).
    pub(super) fn over(stage: &mut Stage) -> Result<Self, Fault> {
        let members: Result<Vec<Client>, Fault> =
            (0..SPEAKERS + LISTENERS).map(|place| stage.join(&name(place))).collect();
        let mut flood = Self { members: members?, heard: vec![Vec::new(); SPEAKERS + LISTENERS] };
        let streams: Vec<Vec<u8>> = (0..SPEAKERS).map(stream).collect();
        let longest = streams.iter().map(Vec::len).max().unwrap_or_default();
        for start in (0..longest).step_by(TURN_BYTES) {
            for (speaker, stream) in flood.members.iter_mut().zip(&streams) {
                let turn = stream.get(start..).unwrap_or_default();
                speaker.write(&turn[..turn.len().min(TURN_BYTES)])?;
            }
            flood.listen(Duration::ZERO)?;
        }
        flood.listen(stage.deadline())?;
        Ok(flood)
    }

    /// What each member heard in its order, with its place, those who spoke first.
    pub(super) fn heard(&self) -> impl Iterator<Item = (usize, &[Word])> {
        self.heard.iter().map(Vec::as_slice).enumerate()
    }

    /// Proves that nothing else is on its way to anybody.
    ///
    /// # Errors
    ///
    /// Something is.
    pub(super) fn end(mut self, stage: &mut Stage) -> Result<(), Fault> {
        stage.fence_all(&mut self.members.iter_mut().collect::<Vec<_>>())
    }

    /// Everybody reads until it has all it is due, or nothing comes for so long.
    fn listen(&mut self, within: Duration) -> Result<(), Fault> {
        for (place, (member, heard)) in self.members.iter_mut().zip(&mut self.heard).enumerate() {
            while heard.len() < due(place) {
                let Next::Pair(pair) = member.next(within)? else { break };
                heard.push(word(&pair).ok_or_else(|| {
                    let what = format!("{} received a pair that nobody sent", member.label());
                    Fault::Broken { what, expected: Vec::new(), got: encoded(&pair) }
                })?);
            }
        }
        Ok(())
    }
}

/// How a member is called.
pub(super) fn name(place: usize) -> String {
    format!("member{place}")
}

/// How many messages a member is to hear: everybody's but its own.
fn due(place: usize) -> usize {
    let others = if place < SPEAKERS { SPEAKERS - 1 } else { SPEAKERS };
    others * WORDS
}

/// All that one member says.
fn stream(speaker: usize) -> Vec<u8> {
    let mut stream = BytesMut::new();
    for number in 0..WORDS {
        encode_frame(text(Word { speaker, number }).as_bytes(), &mut stream);
    }
    stream.to_vec()
}

/// A text that is no other word's, nor a part of one.
fn text(Word { speaker, number }: Word) -> String {
    let padding = "-".repeat((number * 7 + speaker) % PADDING_MAX);
    format!("{speaker} {number} {padding}.")
}

/// The word that a pair is, if it is one to the byte.
fn word(pair: &Pair) -> Option<Word> {
    let said = std::str::from_utf8(&pair.text).ok()?;
    let mut parts = said.split(' ');
    let word = Word { speaker: parts.next()?.parse().ok()?, number: parts.next()?.parse().ok()? };
    (pair.sender == name(word.speaker) && said == text(word)).then_some(word)
}

/// Members that speak and members that only listen.
pub(super) const SPEAKERS: usize = 4;
const LISTENERS: usize = 3;
/// Messages of each speaker.
pub(super) const WORDS: usize = 500;
/// About twelve messages, and hardly ever whole ones.
const TURN_BYTES: usize = 499;
const PADDING_MAX: usize = 60;
