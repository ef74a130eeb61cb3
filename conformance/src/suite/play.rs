//! Plays a conversation on a stage.

use super::blame::Fault;
use super::client::{Client, Text};
use super::stage::Stage;
use crate::spec::{Action, Conversation, Mode, Sender, Step, Wording};

/// Plays every step, and then proves that nothing else is on its way to anybody.
///
/// # Errors
///
/// The first step that the server did not answer as written, with its line.
pub(super) fn play(conversation: &Conversation, stage: &mut Stage) -> Result<(), Fault> {
    let mut cast = Cast::default();
    for step in &conversation.steps {
        cast.play(step, stage).map_err(|fault| placed(fault, step))?;
    }
    cast.close(stage)
}

/// The clients of a play.
#[derive(Default)]
struct Cast {
    /// In the order of their first steps.
    actors: Vec<Actor>,
    /// Those who were replaced by a new connection; they stay open, so that nothing is reset by us.
    gone: Vec<Client>,
}

struct Actor {
    client: Client,
    arrival: Arrival,
    /// Its last act was a write of raw bytes: the next one has to be a segment of its own.
    wrote: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrival {
    Joined,
    ByHand,
}

impl Cast {
    fn play(&mut self, step: &Step, stage: &mut Stage) -> Result<(), Fault> {
        match &step.action {
            Action::Joins(name) => {
                let actors = self.actors.iter_mut().filter(|actor| actor.client.can_listen());
                let mut present: Vec<_> = actors.map(|actor| &mut actor.client).collect();
                let client = stage.join_among(&step.who, name, &mut present)?;
                self.enter(client, Arrival::Joined);
            }
            Action::Connects => self.enter(stage.connect(&step.who)?, Arrival::ByHand),
            Action::Receives(sender, wording) => {
                let sender = self.name_of(sender);
                let text = match wording {
                    Wording::Exactly(text) => Text::Exactly(text),
                    Wording::Any => Text::Any,
                };
                self.actor(&step.who).client.expect(&sender, text, stage.deadline())?;
            }
            action => self.actor(&step.who).act(action, stage)?,
        }
        Ok(())
    }

    fn enter(&mut self, client: Client, arrival: Arrival) {
        let actor = Actor { client, arrival, wrote: false };
        let label = actor.client.label();
        match self.actors.iter_mut().find(|other| other.client.label() == label) {
            Some(other) => self.gone.push(std::mem::replace(other, actor).client),
            None => self.actors.push(actor),
        }
    }

    fn actor(&mut self, label: &str) -> &mut Actor {
        let mut actors = self.actors.iter_mut();
        actors
            .find(|actor| actor.client.label() == label)
            .expect("a conversation is only parsed if everybody comes before they act")
    }

    fn name_of(&self, sender: &Sender) -> Vec<u8> {
        match sender {
            Sender::Name(name) => name.clone(),
            Sender::Word(word) => {
                let actor = self.actors.iter().find(|actor| actor.client.label() == word);
                let name = actor.and_then(|actor| actor.client.name());
                name.unwrap_or(word.as_bytes()).to_vec()
            }
        }
    }

    /// The end of every play: a fence from each to all.
    fn close(&mut self, stage: &mut Stage) -> Result<(), Fault> {
        for actor in &mut self.actors {
            let named = actor.client.name().is_some();
            let unknown = actor.arrival == Arrival::ByHand && stage.mode() == Mode::Base;
            if unknown && named && actor.client.can_speak() {
                stage.admit(&mut actor.client)?;
            }
        }
        let mut clients: Vec<&mut Client> =
            self.actors.iter_mut().map(|actor| &mut actor.client).collect();
        stage.fence_all(&mut clients)
    }
}

impl Actor {
    fn act(&mut self, action: &Action, stage: &mut Stage) -> Result<(), Fault> {
        match action {
            Action::Says(payload) => self.client.say(payload),
            Action::Writes(bytes) => {
                if self.wrote {
                    stage.settle(&mut self.client);
                }
                self.wrote = true;
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
            Action::IsClosed => stage.expect_end(&mut self.client).map(|_| ()),
            Action::IsClosedInOrder => stage.expect_orderly_end(&mut self.client),
            Action::IsRefused => self.client.expect_refusal(stage.deadline()).map(drop),
            Action::Joins(_) | Action::Connects | Action::Receives(..) => {
                unreachable!("the cast plays these itself")
            }
        }
    }
}

fn placed(fault: Fault, step: &Step) -> Fault {
    match fault {
        Fault::Broken { what, expected, got } => {
            let what = format!("{what}, at `{}` (SPEC.md, line {})", step.source, step.line);
            Fault::Broken { what, expected, got }
        }
        other => other,
    }
}
