//! Cases of the order in which members hear things.

use super::{Case, Finding, Needs};
use crate::client::{Client, Next, Text, encoded};
use crate::fault::Fault;
use crate::stage::Stage;

pub(super) const CASES: &[Case] = &[
    Case::new("ORD-01", Needs::Room, each_sender_in_order),
    Case::new("ORD-02", Needs::Sockets, two_senders_never_interleave),
];

/// Three hundred messages, ten at a time: whole bursts are for level 1 (SPEC ORD-01).
fn each_sender_in_order(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob, mut cyd) = (stage.join("ann")?, stage.join("bob")?, stage.join("cyd")?);
    for burst in 0..30 {
        let texts: Vec<String> = (0..10).map(|turn| format!("{}", burst * 10 + turn)).collect();
        for text in &texts {
            ann.say(text.as_bytes())?;
        }
        for text in &texts {
            for receiver in [&mut bob, &mut cyd] {
                receiver.expect(b"ann", Text::Exactly(text.as_bytes()), stage.deadline())?;
            }
        }
    }
    stage.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    Ok(Finding::Kept)
}

/// Two speak at the same moment, two hundred times; a third one hears both, in any order (SPEC ORD-02).
fn two_senders_never_interleave(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob, mut cyd) = (stage.join("ann")?, stage.join("bob")?, stage.join("cyd")?);
    for turn in 0..200 {
        // Texts of different lengths: parts that change places are never whole by chance.
        let (of_ann, of_bob) = (format!("{turn}"), format!("{turn:040}"));
        ann.say(of_ann.as_bytes())?;
        bob.say(of_bob.as_bytes())?;
        expect_both(stage, &mut cyd, &of_ann, &of_bob)?;
        ann.expect(b"bob", Text::Exactly(of_bob.as_bytes()), stage.deadline())?;
        bob.expect(b"ann", Text::Exactly(of_ann.as_bytes()), stage.deadline())?;
    }
    stage.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    Ok(Finding::Kept)
}

fn expect_both(
    stage: &Stage,
    receiver: &mut Client,
    of_ann: &str,
    of_bob: &str,
) -> Result<(), Fault> {
    let Next::Pair(first) = receiver.next(stage.deadline())? else {
        let what = format!("{} received neither of two messages", receiver.label());
        return Err(Fault::broken(what));
    };
    let ann_pair = (b"ann".as_slice(), of_ann.as_bytes());
    let bob_pair = (b"bob".as_slice(), of_bob.as_bytes());
    let second = match (&first.sender[..], &first.text[..]) {
        pair if pair == ann_pair => bob_pair,
        pair if pair == bob_pair => ann_pair,
        _ => {
            let what = format!("{} received a pair that nobody sent", receiver.label());
            return Err(Fault::Broken { what, expected: Vec::new(), got: encoded(&first) });
        }
    };
    receiver.expect(second.0, Text::Exactly(second.1), stage.deadline())?;
    Ok(())
}
