//! Conversations: small plays, one step per line, that show a rule and test it.

use thiserror::Error;

use super::escape;

/// A play for a few clients and one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// The line its first step could be on, from 1.
    pub line: usize,
    /// What the server is to be started with.
    pub flags: Vec<String>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One line of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Where it stands, from 1.
    pub line: usize,
    /// How it is written.
    pub source: String,
    /// The client it is about.
    pub who: String,
    /// What that client does or sees.
    pub action: Action,
}

/// What a client does or sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Connects, says this name, and is in the room.
    Joins(Vec<u8>),
    /// Connects and says nothing.
    Connects,
    /// Sends one frame with this payload.
    Says(Vec<u8>),
    /// Sends these bytes.
    Writes(Vec<u8>),
    /// Receives this pair next.
    Receives(Sender, Wording),
    /// Sends FIN.
    HalfCloses,
    /// Sends RST.
    Resets,
    /// Sees its connection ended by the server, in whatever way.
    IsClosed,
    /// Sees its connection ended by the server with FIN.
    IsClosedInOrder,
    /// Sees its connection ended by the server in whatever way, which may say why before.
    IsRefused,
}

/// Whose name a pair bears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A client's of this conversation; if there is none, the word itself.
    Word(String),
    /// This one.
    Name(Vec<u8>),
}

/// What a pair says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wording {
    /// Exactly this.
    Exactly(Vec<u8>),
    /// Anything.
    Any,
}

/// To whom the server relays what a client says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relay {
    /// To all but the sender.
    #[default]
    Others,
    /// To all.
    Everyone,
    /// To the sender alone.
    Sender,
}

/// Whether the server speaks of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Only in answer to one's own doing.
    #[default]
    Base,
    /// It greets newcomers, tells of those who join and leave, and heeds commands.
    Extended,
}

impl Mode {
    /// The mode of a server of ours that is started with these flags.
    pub fn of(flags: &[String]) -> Self {
        let extended = flags.iter().any(|flag| flag == "--extensions");
        if extended { Self::Extended } else { Self::Base }
    }
}

/// What is wrong with the text of a specification, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct SpecError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Conversation {
    /// Reads a conversation whose lines are numbered from `first`.
    ///
    /// # Errors
    ///
    /// The first line that is no step, or a step of a client that has not come yet.
    pub fn parse(first: usize, lines: &[&str]) -> Result<Self, SpecError> {
        let mut conversation = Self { line: first, ..Self::default() };
        for (line, source) in (first..).zip(lines) {
            conversation.take(line, source).map_err(|what| SpecError { line, what })?;
        }
        Ok(conversation)
    }

    /// To whom its server relays.
    pub fn relay(&self) -> Relay {
        let value = self.flags.iter().skip_while(|flag| *flag != "--relay").nth(1);
        match value.map(String::as_str) {
            Some("everyone") => Relay::Everyone,
            Some("sender") => Relay::Sender,
            _ => Relay::Others,
        }
    }

    /// Whether its server speaks of itself.
    pub fn mode(&self) -> Mode {
        Mode::of(&self.flags)
    }

    fn take(&mut self, line: usize, source: &str) -> Result<(), String> {
        if source.is_empty() || source.starts_with('#') {
            return Ok(());
        }
        if source.ends_with(' ') {
            return Err(r"a space at the end of a line is written as \x20".into());
        }
        if let Some(flags) = source.strip_prefix("with ") {
            if !self.steps.is_empty() {
                return Err("flags stand before the first step".into());
            }
            self.flags = flags.split_whitespace().map(String::from).collect();
            return Ok(());
        }
        let (who, rest) = source.split_once(' ').ok_or("a step is `WHO does something`")?;
        let action = action(who, rest)?;
        let comes = matches!(action, Action::Joins(_) | Action::Connects);
        if !comes && !self.steps.iter().any(|step| step.who == who) {
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
            Err("text after a name".into())
        };
    }
    // The longer sign first: `>>` begins with `>`.
    if let Some(raw) = argument(rest, ">>") {
        return Ok(Action::Writes(escape::unescaped(raw)?));
    }
    if let Some(payload) = argument(rest, ">") {
        return Ok(Action::Says(escape::unescaped(payload)?));
    }
    if let Some(pair) = argument(rest, "<") {
        return receives(pair);
    }
    Err(format!("`{rest}` is nothing that a client does"))
}

/// What stands behind a sign and one space; nothing at all is an empty text.
fn argument<'a>(rest: &'a str, sign: &str) -> Option<&'a str> {
    let rest = rest.strip_prefix(sign)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix(' ') }
}

fn receives(pair: &str) -> Result<Action, String> {
    let (sender, text) = if pair.starts_with('"') {
        let (name, rest) = escape::quoted(pair)?;
        (Sender::Name(name), rest)
    } else {
        let colon = pair.find(':').ok_or("a pair is `SENDER: text`")?;
        (Sender::Word(pair[..colon].into()), &pair[colon..])
    };
    let text = argument(text, ":").ok_or("a pair is `SENDER: text`")?;
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
    fn flags_come_first_and_name_the_policy() {
        let parsed = Conversation::parse(1, &["with --relay sender --x", "ann joins"]).unwrap();
        assert_eq!((Relay::Sender, 3), (parsed.relay(), parsed.flags.len()));
        assert_eq!(Mode::Base, parsed.mode());
        let extended = Conversation::parse(1, &["with --extensions", "ann joins"]).unwrap();
        assert_eq!((Relay::Others, Mode::Extended), (extended.relay(), extended.mode()));
        assert_eq!(2, Conversation::parse(1, &["ann joins", "with --x"]).unwrap_err().line);
    }

    #[test]
    fn mistakes_are_told_with_their_line() {
        for wrong in ["ann jumps", "bob > hi", "ann", "ann > x ", r"ann > \q", "ann < hello"] {
            let error = Conversation::parse(10, &["ann joins", wrong]).unwrap_err();
            assert_eq!(11, error.line, "{wrong}: {error}");
        }
    }
}
