//! List: prints every rule, its level, and how it is tested.

use std::io::{self, Write};

use crate::spec::{Rule, Scope, rules};
use crate::suite::cases::{case, client_case};

/// Prints one line per rule.
///
/// # Errors
///
/// A line cannot be written.
pub(super) fn run() -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    for rule in rules() {
        writeln!(out, "{}", line(&rule))?;
    }
    out.flush()
}

fn line(rule: &Rule) -> String {
    let conversations = match rule.conversations.len() {
        0 => String::new(),
        1 => "1 conversation".into(),
        more => format!("{more} conversations"),
    };
    let has_case = case(&rule.id).is_some() || client_case(&rule.id).is_some();
    let case = if has_case { "case" } else { "" };
    let scope = match rule.scope {
        Scope::All => "",
        Scope::IfDeclared => "if declared",
    };
    let Rule { id, level, keyword, sentence, .. } = rule;
    format!(
        "{id}  level {level}  {keyword:<6}  {scope:<11}  {conversations:<16}  {case:<4}  {sentence}"
    )
}

pub(super) const EXAMPLES: &str = "\
Each line has the id of the rule, its level, its keyword, whether it binds only
servers that declare something, how many conversations of SPEC.md and which code
test it, and its sentence.

Examples:
  conformance list
  conformance list | grep RLY-
  conformance list | grep 'level 0'";
