//! Floods: several members speak as fast as they can, everybody listens, and what each received is kept.

use std::time::Duration;

use bytes::BytesMut;
use protocol::{Pair, encode_frame};

use crate::suite::client::{Client, Next, encoded};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

/// A flood that has been received; nobody has said anything since.
pub(super) struct ManySenders {
    /// Those who spoke come first.
    members: Vec<Client>,
    /// What each member received, in its order.
    received: Vec<Vec<Sent>>,
}

/// One message of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    /// Whose, among those who spoke.
    pub(super) sender: usize,
    /// The how manieth of this sender, from 0.
    pub(super) number: usize,
}

impl ManySenders {
    /// Four speak, in turns of a few hundred bytes that are cut wherever they happen to end, and three more
    /// listen; everybody reads along.
    ///
    /// # Errors
    ///
    /// Something comes that nobody said. What does not come is only seen in what was [received](Self::received).
    pub(super) fn run(fixture: &mut Fixture) -> Result<Self, TestError> {
        let members: Result<Vec<Client>, TestError> =
            (0..SENDERS + LISTENERS).map(|place| fixture.join(&name(place))).collect();
        let mut run = Self { members: members?, received: vec![Vec::new(); SENDERS + LISTENERS] };
        let streams: Vec<Vec<u8>> = (0..SENDERS).map(stream).collect();
        let longest = streams.iter().map(Vec::len).max().unwrap_or_default();
        for start in (0..longest).step_by(SLICE_BYTES) {
            for (sender, stream) in run.members.iter_mut().zip(&streams) {
                let turn = stream.get(start..).unwrap_or_default();
                sender.write(&turn[..turn.len().min(SLICE_BYTES)])?;
            }
            run.listen(Duration::ZERO)?;
        }
        run.listen(fixture.deadline())?;
        Ok(run)
    }

    /// What each member received in its order, with its place, those who spoke first.
    pub(super) fn received(&self) -> impl Iterator<Item = (usize, &[Sent])> {
        self.received.iter().map(Vec::as_slice).enumerate()
    }

    /// Proves that nothing else is on its way to anybody.
    ///
    /// # Errors
    ///
    /// Something is.
    pub(super) fn finish(mut self, fixture: &mut Fixture) -> Result<(), TestError> {
        fixture.fence_all(&mut self.members.iter_mut().collect::<Vec<_>>())
    }

    /// Everybody reads until it has all it is due, or nothing comes for so long.
    fn listen(&mut self, within: Duration) -> Result<(), TestError> {
        for (place, (member, received)) in
            self.members.iter_mut().zip(&mut self.received).enumerate()
        {
            while received.len() < expected_count(place) {
                let Next::Pair(pair) = member.next(within)? else { break };
                received.push(sent(&pair).ok_or_else(|| {
                    let what = format!("{} received a pair that nobody sent", member.label());
                    TestError::Broken { what, expected: Vec::new(), received: encoded(&pair) }
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
fn expected_count(place: usize) -> usize {
    let others = if place < SENDERS { SENDERS - 1 } else { SENDERS };
    others * MESSAGES_EACH
}

/// All that one member says.
fn stream(sender: usize) -> Vec<u8> {
    let mut stream = BytesMut::new();
    for number in 0..MESSAGES_EACH {
        encode_frame(text(Sent { sender, number }).as_bytes(), &mut stream);
    }
    stream.to_vec()
}

/// A text that is no other sent's, nor a part of one.
fn text(Sent { sender, number }: Sent) -> String {
    let padding = "-".repeat((number * 7 + sender) % PADDING_MAX);
    format!("{sender} {number} {padding}.")
}

/// The sent that a pair is, if it is one to the byte.
fn sent(pair: &Pair) -> Option<Sent> {
    let said = std::str::from_utf8(&pair.text).ok()?;
    let mut parts = said.split(' ');
    let sent = Sent { sender: parts.next()?.parse().ok()?, number: parts.next()?.parse().ok()? };
    (pair.sender == name(sent.sender) && said == text(sent)).then_some(sent)
}

/// Members that speak and members that only listen.
pub(super) const SENDERS: usize = 4;
const LISTENERS: usize = 3;
/// Messages of each sender.
pub(super) const MESSAGES_EACH: usize = 500;
/// About twelve messages, and hardly ever whole ones.
const SLICE_BYTES: usize = 499;
const PADDING_MAX: usize = 60;
