//! Spec: the rules of `SPEC.md` and their conversations, as data.

mod conversation;
mod escape;
mod rule;

pub use self::conversation::{Action, Conversation, Mode, Relay, Sender, SpecError, Step, Wording};
pub use self::rule::{Keyword, Party, Rule, Scope, parse, rules};
