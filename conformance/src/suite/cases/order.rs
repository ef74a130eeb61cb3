//! Cases of the order in which members hear things.

use bytes::BytesMut;
use protocol::encode_frame;

use super::flood::{Flood, Word, name};
use super::{Case, Finding, Needs};
use crate::suite::blame::Fault;
use crate::suite::client::{Client, Next, Text, encoded};
use crate::suite::stage::Stage;

pub(super) const CASES: &[Case] = &[
    Case::new("ORD-01", Needs::Room, each_sender_in_order),
    Case::new("ORD-02", Needs::Sockets, two_senders_never_interleave),
    Case::new("ORD-03", Needs::Room, all_hear_one_order),
    Case::new("ORD-04", Needs::Room, answers_come_after_their_questions),
    Case::new("ORD-05", Needs::Room, a_flood_starves_nobody),
];

/// Three hundred messages, ten at a time; from level 1 on a flood as well (SPEC ORD-01).
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
    if stage.asked_level() > 0 {
        let flood = Flood::over(stage)?;
        for (place, heard) in flood.heard() {
            check_each_in_order(place, heard)?;
        }
    }
    Ok(Finding::Kept)
}

/// No word comes behind a later one of the same speaker.
fn check_each_in_order(place: usize, heard: &[Word]) -> Result<(), Fault> {
    for (turn, word) in heard.iter().enumerate() {
        let before = heard[..turn].iter().rev().find(|other| other.speaker == word.speaker);
        if let Some(before) = before.filter(|before| before.number > word.number) {
            return Err(Fault::broken(format!(
                "{} heard {}'s message {} behind {}",
                name(place),
                name(word.speaker),
                word.number,
                before.number
            )));
        }
    }
    Ok(())
}

/// Two speak at the same moment, two hundred times; a third one hears both, in any order. From level 1 on
/// four flood the room as well (SPEC ORD-02).
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
    if stage.asked_level() > 0 {
        // It takes nothing for a word that is not whole.
        Flood::over(stage)?.end(stage)?;
    }
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

/// A flood, and what any two heard of it, each without its own words, comes in the same order (SPEC ORD-03).
fn all_hear_one_order(stage: &mut Stage) -> Result<Finding, Fault> {
    let flood = Flood::over(stage)?;
    let (_, everything) = flood.heard().last().expect("there are members who only listen");
    for (place, heard) in flood.heard() {
        let wanted = everything.iter().filter(|word| word.speaker != place);
        let disagreeing = wanted.zip(heard).filter(|(wanted, heard)| wanted != heard).count();
        if disagreeing > 0 {
            return Err(Fault::broken(format!(
                "at {disagreeing} of {} places {} heard another message than one who only listened",
                heard.len(),
                name(place)
            )));
        }
    }
    flood.end(stage)?;
    Ok(Finding::Kept)
}

/// Bob answers each question as soon as he has it, and Ann goes on at once; Cyd joined last, and so is the
/// last that a server which delivers to one after the other comes to (SPEC ORD-04).
fn answers_come_after_their_questions(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob, mut cyd) = (stage.join("ann")?, stage.join("bob")?, stage.join("cyd")?);
    let mut seen = Seen::default();
    for round in 0..ROUNDS {
        let (question, answer) = (format!("question {round}"), format!("answer {round}"));
        stage.relay(&mut ann, question.as_bytes(), &mut [&mut bob])?;
        bob.say(answer.as_bytes())?;
        if (round + 1) % ROUNDS_PER_LOOK == 0 {
            seen.follow(stage, &mut cyd, round + 1)?;
        }
    }
    for round in 0..ROUNDS {
        let answer = format!("answer {round}");
        ann.expect(b"bob", Text::Exactly(answer.as_bytes()), stage.deadline())?;
    }
    stage.fence_all(&mut [&mut ann, &mut bob, &mut cyd])?;
    Ok(Finding::Kept)
}

/// How many questions and answers somebody has seen.
#[derive(Default)]
struct Seen {
    questions: usize,
    answers: usize,
}

impl Seen {
    /// Reads until so many rounds are complete.
    fn follow(&mut self, stage: &Stage, client: &mut Client, rounds: usize) -> Result<(), Fault> {
        while self.questions < rounds || self.answers < rounds {
            let Next::Pair(pair) = client.next(stage.deadline())? else {
                let what = format!("{} received only a part of {rounds} rounds", client.label());
                return Err(Fault::broken(what));
            };
            if pair.text == format!("question {}", self.questions) {
                self.questions += 1;
            } else if pair.text == format!("answer {}", self.answers) {
                if self.answers == self.questions {
                    let what = format!("{} received an answer before its question", client.label());
                    return Err(Fault::Broken { what, expected: Vec::new(), got: encoded(&pair) });
                }
                self.answers += 1;
            } else {
                let what = format!("{} received a pair out of its turn", client.label());
                return Err(Fault::Broken { what, expected: Vec::new(), got: encoded(&pair) });
            }
        }
        Ok(())
    }
}

/// Ann pours; Cyd says one word while a quarter of it is out. A server that serves whoever has most to say
/// lets the word come behind all the rest. A machine at its limits may delay it too, but not every time, and
/// so the best of a few floods counts (SPEC ORD-05).
fn a_flood_starves_nobody(stage: &mut Stage) -> Result<Finding, Fault> {
    let (mut ann, mut bob, mut cyd) = (stage.join("ann")?, stage.join("bob")?, stage.join("cyd")?);
    let mut fewest = POURED;
    for turn in 0..FLOODS_MAX {
        let word = format!("word {turn}");
        fewest = fewest.min(poured_before(&word, stage, &mut ann, &mut bob, &mut cyd)?);
        stage.fence(&mut ann, &mut [&mut bob, &mut cyd])?;
        if fewest <= POURED / 2 {
            return Ok(Finding::Kept);
        }
    }
    Err(Fault::broken(format!(
        "a word waited behind {fewest} messages of a flood that were sent after it, in the best of \
         {FLOODS_MAX} floods"
    )))
}

/// How many messages that Ann sent after Cyd's word reach Bob before it.
fn poured_before(
    word: &str,
    stage: &Stage,
    ann: &mut Client,
    bob: &mut Client,
    cyd: &mut Client,
) -> Result<usize, Fault> {
    let drop = [b'.'; 90];
    let flood = |drops: usize| {
        let mut flood = BytesMut::new();
        (0..drops).for_each(|_| encode_frame(&drop, &mut flood));
        flood
    };
    ann.write(&flood(POURED_BEFORE))?;
    cyd.say(word.as_bytes())?;
    ann.write(&flood(POURED))?;
    // What Cyd hears of the flood needs no second look.
    for _ in 0..POURED_BEFORE + POURED {
        let Next::Pair(_) = cyd.next(stage.deadline())? else { break };
    }
    let mut before = None;
    for turn in 0..=POURED_BEFORE + POURED {
        match bob.next(stage.deadline())? {
            Next::Pair(pair) if pair.text == word => before = Some(turn),
            Next::Pair(_) => {}
            Next::Ended(_) | Next::Silence => break,
        }
    }
    Ok(before.map_or(POURED, |turn| turn.saturating_sub(POURED_BEFORE)))
}

const ROUNDS: usize = 3000;
const ROUNDS_PER_LOOK: usize = 50;
/// Of a flood: before the word, and after it.
const POURED_BEFORE: usize = 1000;
const POURED: usize = 3000;
const FLOODS_MAX: usize = 5;
