//! Order: cases of the order in which members receive messages.

use bytes::BytesMut;
use protocol::encode_frame;

use super::many_senders::{ManySenders, Sent, name};
use super::{Case, Finding, Needs};
use crate::suite::client::{Client, Next, Text, encoded};
use crate::suite::error::TestError;
use crate::suite::fixture::Fixture;

pub(super) const CASES: &[Case] = &[
    Case::new("ORD-01", Needs::Room, each_sender_in_order),
    Case::new("ORD-02", Needs::Sockets, two_senders_never_interleave),
    Case::new("ORD-03", Needs::Room, all_members_receive_one_order),
    Case::new("ORD-04", Needs::Room, answers_come_after_their_questions),
    Case::new("ORD-05", Needs::Room, a_busy_sender_starves_no_other),
];

/// Three hundred messages, ten at a time; from level 1 on also many senders at once (SPEC ORD-01).
fn each_sender_in_order(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    for burst in 0..30 {
        let texts: Vec<String> = (0..10).map(|turn| format!("{}", burst * 10 + turn)).collect();
        for text in &texts {
            ann.say(text.as_bytes())?;
        }
        for text in &texts {
            for receiver in [&mut bob, &mut cyd] {
                receiver.expect(b"ann", Text::Exactly(text.as_bytes()), fixture.deadline())?;
            }
        }
    }
    fixture.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    if fixture.asked_level() > 0 {
        let senders = ManySenders::run(fixture)?;
        for (place, received) in senders.received() {
            check_each_in_order(place, received)?;
        }
    }
    Ok(Finding::Kept)
}

/// Checks that no message arrives after a later one of the same sender.
fn check_each_in_order(place: usize, received: &[Sent]) -> Result<(), TestError> {
    for (turn, message) in received.iter().enumerate() {
        let before = received[..turn].iter().rev().find(|other| other.sender == message.sender);
        if let Some(before) = before.filter(|before| before.number > message.number) {
            return Err(TestError::broken(format!(
                "{} received {}'s message {} after its message {}",
                name(place),
                name(message.sender),
                message.number,
                before.number
            )));
        }
    }
    Ok(())
}

/// Two members send at the same moment, two hundred times, and a third receives both messages, in
/// any order. From level 1 on also many senders at once (SPEC ORD-02).
fn two_senders_never_interleave(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    for turn in 0..200 {
        // Texts of different lengths: parts that are exchanged never form a valid pair.
        let (of_ann, of_bob) = (format!("{turn}"), format!("{turn:040}"));
        ann.say(of_ann.as_bytes())?;
        bob.say(of_bob.as_bytes())?;
        expect_both(fixture, &mut cyd, &of_ann, &of_bob)?;
        ann.expect(b"bob", Text::Exactly(of_bob.as_bytes()), fixture.deadline())?;
        bob.expect(b"ann", Text::Exactly(of_ann.as_bytes()), fixture.deadline())?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    if fixture.asked_level() > 0 {
        // A pair that is not exactly one of the sent messages is an error.
        ManySenders::run(fixture)?.finish(fixture)?;
    }
    Ok(Finding::Kept)
}

fn expect_both(
    fixture: &Fixture,
    receiver: &mut Client,
    of_ann: &str,
    of_bob: &str,
) -> Result<(), TestError> {
    let Next::Pair(first) = receiver.next(fixture.deadline())? else {
        let what = format!("the server sent {} neither of two messages", receiver.label());
        return Err(TestError::broken(what));
    };
    let ann_pair = (b"ann".as_slice(), of_ann.as_bytes());
    let bob_pair = (b"bob".as_slice(), of_bob.as_bytes());
    let second = match (&first.sender[..], &first.text[..]) {
        pair if pair == ann_pair => bob_pair,
        pair if pair == bob_pair => ann_pair,
        _ => {
            let what = format!("{} received a pair that no member sent", receiver.label());
            return Err(TestError::Broken {
                what,
                expected: Vec::new(),
                received: encoded(&first),
            });
        }
    };
    receiver.expect(second.0, Text::Exactly(second.1), fixture.deadline())?;
    Ok(())
}

/// Many senders at once: any two members receive the messages of the others in the same order
/// (SPEC ORD-03).
fn all_members_receive_one_order(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let senders = ManySenders::run(fixture)?;
    let (_, everything) = senders.received().last().expect("some members only receive");
    for (place, received) in senders.received() {
        let wanted = everything.iter().filter(|message| message.sender != place);
        let disagreeing =
            wanted.zip(received).filter(|(wanted, received)| wanted != received).count();
        if disagreeing > 0 {
            return Err(TestError::broken(format!(
                "{} received the messages in another order than a member that sent none: \
                 {disagreeing} of {} places differ",
                received.len(),
                name(place)
            )));
        }
    }
    senders.finish(fixture)?;
    Ok(Finding::Kept)
}

/// Bob answers each question as soon as he receives it, and Ann sends the next one at once. Cyd
/// joined last, so a server that delivers to one member after the other delivers to him last (SPEC
/// ORD-04).
fn answers_come_after_their_questions(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    let mut seen = Seen::default();
    for round in 0..ROUNDS {
        let (question, answer) = (format!("question {round}"), format!("answer {round}"));
        fixture.relay(&mut ann, question.as_bytes(), &mut [&mut bob])?;
        bob.say(answer.as_bytes())?;
        if (round + 1) % ROUNDS_PER_CHECK == 0 {
            seen.follow(fixture, &mut cyd, round + 1)?;
        }
    }
    for round in 0..ROUNDS {
        let answer = format!("answer {round}");
        ann.expect(b"bob", Text::Exactly(answer.as_bytes()), fixture.deadline())?;
    }
    fixture.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    Ok(Finding::Kept)
}

/// The number of questions and answers that a member has received.
#[derive(Default)]
struct Seen {
    questions: usize,
    answers: usize,
}

impl Seen {
    /// Reads until so many rounds are complete.
    fn follow(
        &mut self,
        fixture: &Fixture,
        client: &mut Client,
        rounds: usize,
    ) -> Result<(), TestError> {
        while self.questions < rounds || self.answers < rounds {
            let Next::Pair(pair) = client.next(fixture.deadline())? else {
                let what = format!(
                    "the server sent {} only a part of {rounds} questions and answers",
                    client.label()
                );
                return Err(TestError::broken(what));
            };
            if pair.text == format!("question {}", self.questions) {
                self.questions += 1;
            } else if pair.text == format!("answer {}", self.answers) {
                if self.answers == self.questions {
                    let what = format!("{} received an answer before its question", client.label());
                    return Err(TestError::Broken {
                        what,
                        expected: Vec::new(),
                        received: encoded(&pair),
                    });
                }
                self.answers += 1;
            } else {
                let what =
                    format!("{} received a question or an answer out of order", client.label());
                return Err(TestError::Broken {
                    what,
                    expected: Vec::new(),
                    received: encoded(&pair),
                });
            }
        }
        Ok(())
    }
}

/// Ann sends 4000 messages; Cyd sends one after the first 1000. A server that reads from one client
/// for as long as it sends delivers Cyd's message after all of Ann's. A busy machine may delay it
/// too, but not every time, so the best of a few attempts counts (SPEC ORD-05).
fn a_busy_sender_starves_no_other(fixture: &mut Fixture) -> Result<Finding, TestError> {
    let (mut ann, mut bob, mut cyd) =
        (fixture.join("ann")?, fixture.join("bob")?, fixture.join("cyd")?);
    let mut fewest = MESSAGES_AFTER;
    for turn in 0..ATTEMPTS_MAX {
        let message = format!("message {turn}");
        fewest = fewest.min(messages_before(&message, fixture, &mut ann, &mut bob, &mut cyd)?);
        fixture.fence(&mut ann, &mut [&mut bob, &mut cyd])?;
        if fewest <= MESSAGES_AFTER / 2 {
            return Ok(Finding::Kept);
        }
    }
    Err(TestError::broken(format!(
        "the server delivered cyd's message after {fewest} messages that ann sent later, in the best of \
         {ATTEMPTS_MAX} attempts"
    )))
}

/// The number of messages that Ann sent after Cyd's message and that reach Bob before it.
fn messages_before(
    message: &str,
    fixture: &Fixture,
    ann: &mut Client,
    bob: &mut Client,
    cyd: &mut Client,
) -> Result<usize, TestError> {
    let text = [b'.'; 90];
    let batch = |count: usize| {
        let mut frames = BytesMut::new();
        (0..count).for_each(|_| encode_frame(&text, &mut frames));
        frames
    };
    ann.write(&batch(MESSAGES_BEFORE))?;
    cyd.say(message.as_bytes())?;
    ann.write(&batch(MESSAGES_AFTER))?;
    // Cyd reads too, so that he is no slow reader; what he receives is not checked.
    for _ in 0..MESSAGES_BEFORE + MESSAGES_AFTER {
        let Next::Pair(_) = cyd.next(fixture.deadline())? else { break };
    }
    let mut before = None;
    for turn in 0..=MESSAGES_BEFORE + MESSAGES_AFTER {
        match bob.next(fixture.deadline())? {
            Next::Pair(pair) if pair.text == message => before = Some(turn),
            Next::Pair(_) => {}
            Next::Ended(_) | Next::Silence => break,
        }
    }
    Ok(before.map_or(MESSAGES_AFTER, |turn| turn.saturating_sub(MESSAGES_BEFORE)))
}

const ROUNDS: usize = 3000;
const ROUNDS_PER_CHECK: usize = 50;
/// Messages that Ann sends before Cyd's message, and after it.
const MESSAGES_BEFORE: usize = 1000;
const MESSAGES_AFTER: usize = 3000;
const ATTEMPTS_MAX: usize = 5;
