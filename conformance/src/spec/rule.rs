//! Rule: the rules of `SPEC.md`, each with its conversations.

use std::fmt;
use std::iter::Peekable;
use std::str::Lines;

use super::conversation::{Conversation, SpecError};

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its permanent name, such as `RLY-03`.
    pub id: String,
    /// The lowest level that includes it.
    pub level: u8,
    /// How binding it is.
    pub keyword: Keyword,
    /// The servers that it binds.
    pub scope: Scope,
    /// The sentence of the rule itself.
    pub sentence: String,
    /// Its examples.
    pub conversations: Vec<Conversation>,
}

/// The party that a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// A server.
    Server,
    /// A client.
    Client,
}

/// How binding a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keyword {
    /// An obligation.
    Must,
    /// An obligation that allows exceptions for a good reason.
    Should,
    /// A permission.
    May,
    /// A fact about servers, without an obligation.
    Info,
}

/// The servers that a rule binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every server.
    All,
    /// Servers that declare the policy or extension that the rule is about.
    IfDeclared,
}

impl Rule {
    /// The party that it binds: the area CLI binds clients, the others bind servers.
    pub fn party(&self) -> Party {
        if self.id.starts_with("CLI-") { Party::Client } else { Party::Server }
    }
}

/// The rules of `SPEC.md`, in its order.
pub fn rules() -> Vec<Rule> {
    parse(include_str!("../../../protocol/SPEC.md"))
        .expect("a test of this crate parses the same text")
}

/// Reads the rules of a specification.
///
/// # Errors
///
/// The first mistake.
pub fn parse(text: &str) -> Result<Vec<Rule>, SpecError> {
    let mut reader = Reader { lines: text.lines().peekable(), line: 0 };
    let mut rules: Vec<Rule> = Vec::new();
    while let Some(line) = reader.next() {
        if let Some(heading) = line.strip_prefix("### ") {
            let rule = reader.rule(heading)?;
            if rules.iter().any(|other| other.id == rule.id) {
                return Err(reader.error(format!("a second rule has the id {}", rule.id)));
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// Lines with their numbers.
struct Reader<'a> {
    lines: Peekable<Lines<'a>>,
    /// The number of the line that was read last, from 1.
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        self.line += 1;
        self.lines.next()
    }

    fn error(&self, what: impl Into<String>) -> SpecError {
        SpecError { line: self.line, what: what.into() }
    }

    /// A rule, up to the next heading.
    fn rule(&mut self, heading: &str) -> Result<Rule, SpecError> {
        let mut rule = self.heading(heading)?;
        while self.lines.peek().is_some_and(|line| !line.starts_with('#')) {
            match self.next().unwrap_or_default() {
                "```conversation" => rule.conversations.push(self.conversation()?),
                line if rule.sentence.is_empty() => rule.sentence = line.trim().into(),
                _ => {}
            }
        }
        if rule.sentence.is_empty() {
            return Err(self.error(format!("{} has no sentence", rule.id)));
        }
        Ok(rule)
    }

    fn heading(&self, heading: &str) -> Result<Rule, SpecError> {
        let parts: Vec<&str> = heading.split(" · ").collect();
        let (id, level, keyword, scope) = match parts[..] {
            [id, level, keyword] => (id, level, keyword, Scope::All),
            [id, level, keyword, "if declared"] => (id, level, keyword, Scope::IfDeclared),
            _ => return Err(self.error("a heading is `ID · level N · KEYWORD`")),
        };
        let level = level.strip_prefix("level ").and_then(|level| level.parse().ok());
        Ok(Rule {
            id: id.into(),
            level: level.ok_or_else(|| self.error("a level is `level N`, with a number"))?,
            keyword: Keyword::named(keyword)
                .ok_or_else(|| self.error(format!("{keyword} is not MUST, SHOULD, MAY or INFO")))?,
            scope,
            sentence: String::new(),
            conversations: Vec::new(),
        })
    }

    /// A conversation, up to the end of its code block.
    fn conversation(&mut self) -> Result<Conversation, SpecError> {
        let first = self.line + 1;
        let mut lines = Vec::new();
        loop {
            match self.next() {
                Some("```") => return Conversation::parse(first, &lines),
                Some(line) => lines.push(line),
                None => return Err(self.error("the code block of a conversation has no end")),
            }
        }
    }
}

impl Keyword {
    fn named(name: &str) -> Option<Self> {
        [Self::Must, Self::Should, Self::May, Self::Info].into_iter().find(|k| k.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Info => "INFO",
        }
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_specification_parses() {
        let rules = parse(include_str!("../../../protocol/SPEC.md")).map_err(|e| e.to_string());
        assert!(rules.unwrap().len() > 90);
    }

    #[test]
    fn a_rule_is_read_with_its_heading_and_conversations() {
        let text = "# x\n\n### RLY-10 · level 1 · MUST · if declared\n\nIt MUST.\n\nWhy: so.\n\n\
                    ```conversation\nwith --relay everyone\nann joins\n```\n## next\n";
        let rules = parse(text).unwrap();
        let [rule] = &rules[..] else { panic!("{rules:?}") };
        assert_eq!(("RLY-10", 1, "It MUST."), (&*rule.id, rule.level, &*rule.sentence));
        assert_eq!((Keyword::Must, Scope::IfDeclared), (rule.keyword, rule.scope));
        assert_eq!(1, rule.conversations.len());
    }

    #[test]
    fn an_error_names_its_line() {
        let text =
            "### A-1 · level 0 · MUST\n\nIt MUST.\n\n```conversation\nann joins\nann jumps\n```\n";
        assert_eq!(7, parse(text).unwrap_err().line);
        assert_eq!(1, parse("### A-1 · level x · MUST\n\nIt MUST.\n").unwrap_err().line);
        assert_eq!("line 5: a second rule has the id A-1", {
            let twice = "### A-1 · level 0 · MAY\nIt MAY.\n\n### A-1 · level 0 · MAY\nIt MAY.";
            parse(twice).unwrap_err().to_string()
        });
    }
}
