//! Many senders: several members send at once as fast as they can, and the test keeps what each
//! member receives.
//!
//! The load generator has a checker of numbered messages too. It is not used here on purpose: each rule
//! asks one question about the whole sequence, whether it is complete, in each sender's order, or in one
//! order for all members.

use std::time::Duration;

use bytes::BytesMut;
use protocol::{Pair, encode_frame};

use crate::suite::client::{Client, Next, encoded};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

/// The members, and what each of them received.
pub(super) struct ManySenders {
    /// The senders come first.
    members: Vec<Client>,
    /// The messages that each member received, in its order.
    received: Vec<Vec<Sent>>,
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sent {
    /// The index of its sender.
    pub(super) sender: usize,
    /// Its number among the messages of this sender, from 0.
    pub(super) number: usize,
}

impl ManySenders {
    /// Four members send, in slices of 499 bytes that end anywhere in a frame, and three more only
    /// receive. All of them read meanwhile.
    ///
    /// # Errors
    ///
    /// A member receives a pair that no member sent. [`received`](Self::received) shows what did
    /// not arrive.
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

    /// The index of each member and the messages that it received, in its order. The senders come
    /// first.
    pub(super) fn received(&self) -> impl Iterator<Item = (usize, &[Sent])> {
        self.received.iter().map(Vec::as_slice).enumerate()
    }

    /// Shows with fences that nothing else is in flight to any member.
    ///
    /// # Errors
    ///
    /// Something is.
    pub(super) fn finish(mut self, fixture: &mut Fixture) -> Result<(), TestError> {
        fixture.fence_all(&mut self.members.iter_mut().collect::<Vec<_>>())
    }

    /// Every member reads until it has all messages of the others, or until nothing arrives for
    /// this time.
    fn listen(&mut self, within: Duration) -> Result<(), TestError> {
        for (place, (member, received)) in
            self.members.iter_mut().zip(&mut self.received).enumerate()
        {
            while received.len() < expected_count(place) {
                let Next::Pair(pair) = member.next(within)? else { break };
                received.push(sent(&pair).ok_or_else(|| {
                    let what = format!("{} received a pair that no member sent", member.label());
                    TestError::Broken { what, expected: Vec::new(), received: encoded(&pair) }
                })?);
            }
        }
        Ok(())
    }
}

/// The name of a member.
pub(super) fn name(place: usize) -> String {
    format!("member{place}")
}

/// The number of messages that a member has to receive: all but its own.
fn expected_count(place: usize) -> usize {
    let others = if place < SENDERS { SENDERS - 1 } else { SENDERS };
    others * MESSAGES_EACH
}

/// All frames of one sender.
fn stream(sender: usize) -> Vec<u8> {
    let mut stream = BytesMut::new();
    for number in 0..MESSAGES_EACH {
        encode_frame(text(Sent { sender, number }).as_bytes(), &mut stream);
    }
    stream.to_vec()
}

/// The text of a message. It differs from all others, and is no part of another.
fn text(Sent { sender, number }: Sent) -> String {
    let padding = "-".repeat((number * 7 + sender) % PADDING_MAX);
    format!("{sender} {number} {padding}.")
}

/// The message in a pair, if the pair is exactly one of the sent ones.
fn sent(pair: &Pair) -> Option<Sent> {
    let said = std::str::from_utf8(&pair.text).ok()?;
    let mut parts = said.split(' ');
    let sent = Sent { sender: parts.next()?.parse().ok()?, number: parts.next()?.parse().ok()? };
    (pair.sender == name(sent.sender) && said == text(sent)).then_some(sent)
}

/// The numbers of members that send and of members that only receive.
pub(super) const SENDERS: usize = 4;
const LISTENERS: usize = 3;
/// The number of messages of each sender.
pub(super) const MESSAGES_EACH: usize = 500;
/// About twelve messages; it rarely ends between two frames.
const SLICE_BYTES: usize = 499;
const PADDING_MAX: usize = 60;
