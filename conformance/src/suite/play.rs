//! Play: plays a conversation of SPEC.md against a server, step by step.

use super::client::{Client, Text};
use super::error::TestError;
use super::fixture::Fixture;
use crate::spec::{Action, Conversation, Mode, Sender, Step, Wording};

/// Plays every step, and then shows with fences that nothing else is in flight to any client.
///
/// # Errors
///
/// The first step to which the server did not answer as written, with its line in SPEC.md.
pub(super) fn play(conversation: &Conversation, fixture: &mut Fixture) -> Result<(), TestError> {
    let mut participants = Participants::default();
    for step in &conversation.steps {
        participants.play(step, fixture).map_err(|error| {
            error.at(format_args!("at `{}` (SPEC.md, line {})", step.source, step.line))
        })?;
    }
    participants.final_fence(fixture)
}

/// The clients of a conversation.
#[derive(Default)]
struct Participants {
    /// The current connection of each, in the order of their first steps.
    present: Vec<Participant>,
    /// Connections that were replaced by a new one of the same client. They stay open, because
    /// closing one with unread bytes would send a reset.
    replaced: Vec<Client>,
}

struct Participant {
    client: Client,
    entry: Entry,
    /// Its last step was a write of raw bytes, so the next write has to be a segment of its own.
    wrote_last: bool,
}

/// How a client came into the conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// By `joins`: it is known to be a member.
    Confirmed,
    /// By `connects`: whether it is a member is not known.
    Unconfirmed,
}

impl Participants {
    fn play(&mut self, step: &Step, fixture: &mut Fixture) -> Result<(), TestError> {
        match &step.action {
            Action::Joins(name) => {
                let participants =
                    self.present.iter_mut().filter(|participant| participant.client.can_receive());
                let mut present: Vec<_> =
                    participants.map(|participant| &mut participant.client).collect();
                let client = fixture.join_among(&step.who, name, &mut present)?;
                self.enter(client, Entry::Confirmed);
            }
            Action::Connects => self.enter(fixture.connect(&step.who)?, Entry::Unconfirmed),
            Action::Receives(sender, wording) => {
                let sender = self.name_of(sender);
                let text = match wording {
                    Wording::Exactly(text) => Text::Exactly(text),
                    Wording::Any => Text::Any,
                };
                self.participant(&step.who).client.expect(&sender, text, fixture.deadline())?;
            }
            action => self.participant(&step.who).perform(action, fixture)?,
        }
        Ok(())
    }

    fn enter(&mut self, client: Client, entry: Entry) {
        let participant = Participant { client, entry, wrote_last: false };
        let label = participant.client.label();
        match self.present.iter_mut().find(|other| other.client.label() == label) {
            Some(other) => self.replaced.push(std::mem::replace(other, participant).client),
            None => self.present.push(participant),
        }
    }

    fn participant(&mut self, label: &str) -> &mut Participant {
        let mut participants = self.present.iter_mut();
        participants
            .find(|participant| participant.client.label() == label)
            .expect("the parser rejects a step of a client that has not joined or connected")
    }

    fn name_of(&self, sender: &Sender) -> Vec<u8> {
        match sender {
            Sender::Name(name) => name.clone(),
            Sender::Word(word) => {
                let participant =
                    self.present.iter().find(|participant| participant.client.label() == word);
                let name = participant.and_then(|participant| participant.client.name());
                name.unwrap_or(word.as_bytes()).to_vec()
            }
        }
    }

    /// The end of every conversation: a fence from each client to all others.
    fn final_fence(&mut self, fixture: &mut Fixture) -> Result<(), TestError> {
        for participant in &mut self.present {
            let named = participant.client.name().is_some();
            let unknown = participant.entry == Entry::Unconfirmed && fixture.mode() == Mode::Base;
            if unknown && named && participant.client.can_send() {
                fixture.admit(&mut participant.client)?;
            }
        }
        let mut clients: Vec<&mut Client> =
            self.present.iter_mut().map(|participant| &mut participant.client).collect();
        fixture.fence_all(&mut clients)
    }
}

impl Participant {
    fn perform(&mut self, action: &Action, fixture: &mut Fixture) -> Result<(), TestError> {
        match action {
            Action::Says(payload) => self.client.say(payload),
            Action::Writes(bytes) => {
                if self.wrote_last {
                    fixture.await_read(&mut self.client);
                }
                self.wrote_last = true;
                self.client.write(bytes)
            }
            Action::HalfCloses => {
                self.client.half_close();
                Ok(())
            }
            Action::Resets => {
                self.client.reset();
                Ok(())
            }
            Action::IsClosed => fixture.expect_end(&mut self.client).map(|_| ()),
            Action::IsClosedInOrder => fixture.expect_orderly_end(&mut self.client),
            Action::IsRefused => self.client.expect_refusal(fixture.deadline()).map(drop),
            Action::Joins(_) | Action::Connects | Action::Receives(..) => {
                unreachable!("`Participants::play` handles these")
            }
        }
    }
}
