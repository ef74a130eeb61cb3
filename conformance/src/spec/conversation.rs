//! Conversation: a rule's example in `SPEC.md`, one step per line, which the suite plays.

use thiserror::Error;

use super::escape;

/// An exchange between a few clients and one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// The number of its first line, from 1.
    pub line: usize,
    /// The flags with which the server is started.
    pub flags: Vec<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// One line of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The number of its line, from 1.
    pub line: usize,
    /// The text of its line.
    pub source: String,
    /// The client that acts or observes.
    pub who: String,
    /// What that client does or observes.
    pub action: Action,
}

/// What a client does or observes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connects, sends this name, and is in the room.
    Joins(Vec<u8>),
    /// Connects and sends nothing.
    Connects,
    /// Sends one frame with this payload.
    Says(Vec<u8>),
    /// Sends these bytes.
    Writes(Vec<u8>),
    /// Receives this pair next.
    Receives(Sender, Wording),
    /// Half-closes (FIN).
    HalfCloses,
    /// Resets the connection (RST).
    Resets,
    /// The server ends its connection, with a FIN or a reset.
    IsClosed,
    /// The server ends its connection with a FIN.
    IsClosedInOrder,
    /// The server ends its connection with a FIN or a reset, and may send the reason before.
    IsRefused,
}

/// The sender's name in a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The name of this client of the conversation; the word itself, if there is no such client.
    Word(String),
    /// This name.
    Name(Vec<u8>),
}

/// The text of a pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wording {
    /// This text.
    Exactly(Vec<u8>),
    /// Any text.
    Any,
}

/// The members to whom the server relays a message (`--relay`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relay {
    /// All members except the sender.
    #[default]
    Others,
    /// All members.
    Everyone,
    /// The sender only.
    Sender,
}

/// Whether the server has the extensions (SPEC, area EXT).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It sends notices only to the client that caused them.
    #[default]
    Base,
    /// It greets newcomers, announces who joins and leaves, and handles commands.
    Extended,
}

impl Mode {
    /// The mode of one of our servers that is started with these flags.
    pub fn of(flags: &[String]) -> Self {
        let extended = flags.iter().any(|flag| flag == "--extensions");
        if extended { Self::Extended } else { Self::Base }
    }
}

/// A mistake in the text of a specification.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct SpecError {
    /// The number of the line, from 1.
    pub line: usize,
    /// The mistake.
    pub what: String,
}

impl Conversation {
    /// Reads a conversation whose lines are numbered from `first`.
    ///
    /// # Errors
    ///
    /// The first line that is not a step, or is a step of a client that has not connected yet.
    pub fn parse(first: usize, lines: &[&str]) -> Result<Self, SpecError> {
        let mut conversation = Self { line: first, ..Self::default() };
        for (line, source) in (first..).zip(lines) {
            conversation.take(line, source).map_err(|what| SpecError { line, what })?;
        }
        Ok(conversation)
    }

    /// The members to whom its server relays.
    pub fn relay(&self) -> Relay {
        let value = self.flags.iter().skip_while(|flag| *flag != "--relay").nth(1);
        match value.map(String::as_str) {
            Some("everyone") => Relay::Everyone,
            Some("sender") => Relay::Sender,
            _ => Relay::Others,
        }
    }

    /// Whether its server has the extensions.
    pub fn mode(&self) -> Mode {
        Mode::of(&self.flags)
    }

    fn take(&mut self, line: usize, source: &str) -> Result<(), String> {
        if source.is_empty() || source.starts_with('#') {
            return Ok(());
        }
        if source.ends_with(' ') {
            return Err(r"a space at the end of a line must be written as \x20".into());
        }
        if let Some(flags) = source.strip_prefix("with ") {
            if !self.steps.is_empty() {
                return Err("flags must be before the first step".into());
            }
            self.flags = flags.split_whitespace().map(String::from).collect();
            return Ok(());
        }
        let (who, rest) = source.split_once(' ').ok_or("a step is `CLIENT ACTION`")?;
        let action = action(who, rest)?;
        let is_first = matches!(action, Action::Joins(_) | Action::Connects);
        if !is_first && !self.steps.iter().any(|step| step.who == who) {
            return Err(format!("{who} has neither joined nor connected"));
        }
        self.steps.push(Step { line, source: source.into(), who: who.into(), action });
        Ok(())
    }
}

fn action(who: &str, rest: &str) -> Result<Action, String> {
    match rest {
        "joins" => return Ok(Action::Joins(who.into())),
        "connects" => return Ok(Action::Connects),
        "half-closes" => return Ok(Action::HalfCloses),
        "resets" => return Ok(Action::Resets),
        "is closed" => return Ok(Action::IsClosed),
        "is closed in order" => return Ok(Action::IsClosedInOrder),
        "is refused" => return Ok(Action::IsRefused),
        _ => {}
    }
    if let Some(name) = rest.strip_prefix("joins as ") {
        let (name, rest) = escape::quoted(name)?;
        return if rest.is_empty() {
            Ok(Action::Joins(name))
        } else {
            Err("there is text after the name".into())
        };
    }
    // `>>` before `>`, with which it begins.
    if let Some(raw) = argument(rest, ">>") {
        return Ok(Action::Writes(escape::unescaped(raw)?));
    }
    if let Some(payload) = argument(rest, ">") {
        return Ok(Action::Says(escape::unescaped(payload)?));
    }
    if let Some(pair) = argument(rest, "<") {
        return receives(pair);
    }
    Err(format!(
        "`{rest}` is not an action: write joins, connects, >, >>, <, half-closes, resets or is"
    ))
}

/// The text after a sign and one space; empty if there is nothing after the sign.
fn argument<'a>(rest: &'a str, sign: &str) -> Option<&'a str> {
    let rest = rest.strip_prefix(sign)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

fn receives(pair: &str) -> Result<Action, String> {
    let (sender, text) = if pair.starts_with('"') {
        let (name, rest) = escape::quoted(pair)?;
        (Sender::Name(name), rest)
    } else {
        let colon = pair.find(':').ok_or("a pair is `SENDER: TEXT`")?;
        (Sender::Word(pair[..colon].into()), &pair[colon..])
    };
    let text = argument(text, ":").ok_or("a pair is `SENDER: TEXT`")?;
    let text = match text {
        "..." => Wording::Any,
        text => Wording::Exactly(escape::unescaped(text)?),
    };
    Ok(Action::Receives(sender, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions(lines: &[&str]) -> Vec<Action> {
        let steps = Conversation::parse(1, lines).unwrap().steps;
        steps.into_iter().map(|step| step.action).collect()
    }

    #[test]
    fn every_kind_of_step_is_read() {
        let lines = [
            "# a remark",
            r#"ann joins as "Zo\u{eb}""#,
            "bob connects",
            "",
            "bob >",
            r"bob >> 5        \x20",
            "bob < ann: a: b",
            r#"bob < "a \" b": ..."#,
            "bob < ann:",
            "ann half-closes",
            "bob is closed",
            "ann is closed in order",
            "bob is refused",
        ];
        let expected = [
            Action::Joins("Zoë".into()),
            Action::Connects,
            Action::Says(b"".into()),
            Action::Writes(b"5         ".into()),
            Action::Receives(Sender::Word("ann".into()), Wording::Exactly(b"a: b".into())),
            Action::Receives(Sender::Name(b"a \" b".into()), Wording::Any),
            Action::Receives(Sender::Word("ann".into()), Wording::Exactly(b"".into())),
            Action::HalfCloses,
            Action::IsClosed,
            Action::IsClosedInOrder,
            Action::IsRefused,
        ];
        assert_eq!(expected[..], actions(&lines));
    }

    #[test]
    fn flags_are_first_and_set_relay_and_mode() {
        let parsed = Conversation::parse(1, &["with --relay sender --x", "ann joins"]).unwrap();
        assert_eq!((Relay::Sender, 3), (parsed.relay(), parsed.flags.len()));
        assert_eq!(Mode::Base, parsed.mode());
        let extended = Conversation::parse(1, &["with --extensions", "ann joins"]).unwrap();
        assert_eq!((Relay::Others, Mode::Extended), (extended.relay(), extended.mode()));
        assert_eq!(2, Conversation::parse(1, &["ann joins", "with --x"]).unwrap_err().line);
    }

    #[test]
    fn mistakes_are_reported_with_their_line() {
        for wrong in ["ann jumps", "bob > hi", "ann", "ann > x ", r"ann > \q", "ann < hello"] {
            let error = Conversation::parse(10, &["ann joins", wrong]).unwrap_err();
            assert_eq!(11, error.line, "{wrong}: {error}");
        }
    }
}
