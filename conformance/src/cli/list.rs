//! `list`: every rule, and how it is tested.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::cases::case;
use crate::spec::{Rule, Scope, rules};

/// Prints one line per rule.
pub(super) fn run() -> ExitCode {
    let mut out = io::stdout().lock();
    for rule in rules() {
        // A reader that has seen enough, such as `head`, is no error.
        if writeln!(out, "{}", line(&rule)).is_err() {
            break;
        }
    }
    ExitCode::SUCCESS
}

fn line(rule: &Rule) -> String {
    let conversations = match rule.conversations.len() {
        0 => String::new(),
        1 => "1 conversation".into(),
        more => format!("{more} conversations"),
    };
    let case = if case(&rule.id).is_some() { "case" } else { "" };
    let scope = match rule.scope {
        Scope::All => "",
        Scope::IfDeclared => "if declared",
    };
    let Rule { id, level, keyword, sentence, .. } = rule;
    format!(
        "{id}  level {level}  {keyword:<6}  {scope:<11}  {conversations:<16}  {case:<4}  {sentence}"
    )
}
