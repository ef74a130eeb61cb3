//! Module: the declarations, imports and names of one Rust module.

use std::collections::BTreeSet;

/// A module as it is written; no name is resolved.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// Submodules in files of their own.
    pub(super) children: Vec<String>,
    /// Submodules that are blocks of this file.
    pub(super) blocks: Vec<(String, Module)>,
    pub(super) imports: Vec<Import>,
    /// Functions, types, traits, constants and macros.
    pub(super) items: BTreeSet<String>,
    /// Types that have an `impl` block here.
    pub(super) extended: BTreeSet<String>,
    /// Paths of two or more words, outside `use`.
    pub(super) paths: Vec<Vec<String>>,
    /// First words of names and paths, outside `use`.
    pub(super) words: BTreeSet<String>,
}

/// One name that a `use` imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// Its name in this module; `*` for a glob.
    pub(super) name: String,
    /// Whether other modules may import it from here.
    pub(super) is_public: bool,
}

impl Module {
    /// Reads the tokens of a file.
    pub(super) fn of(tokens: &[String]) -> Self {
        let mut module = Self::default();
        let (mut at, mut depth, mut is_public) = (0, 0, false);
        while let Some(token) = tokens.get(at) {
            let next = tokens.get(at + 1).map_or("", |next| next);
            match token.as_str() {
                "#" if next == "[" || next == "!" => {
                    at = after_bracket(tokens, at + 1 + usize::from(next == "!"));
                    continue;
                }
                "pub" => {
                    is_public = true;
                    at = if next == "(" { after_bracket(tokens, at + 1) } else { at + 1 };
                    continue;
                }
                "mod" if depth == 0 && tokens.get(at + 2).is_some_and(|token| token == "{") => {
                    let end = after_bracket(tokens, at + 2);
                    module.blocks.push((next.to_owned(), Self::of(&tokens[at + 3..end - 1])));
                    at = end;
                    continue;
                }
                "mod" if depth == 0 => module.children.push(next.to_owned()),
                "use" if next != "<" => {
                    let length = tokens[at..].iter().position(|token| token == ";").unwrap_or(0);
                    let tree = &tokens[at + 1..at + length];
                    spread(tree, &mut Vec::new(), is_public && depth == 0, &mut module.imports);
                    (at, is_public) = (at + length, false);
                    continue;
                }
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" => depth -= 1,
                keyword if depth == 0 && DECLARING.contains(&keyword) && is_word(next) => {
                    module.items.insert(next.to_owned());
                }
                "impl" if depth == 0 => module.extended.extend(extended(&tokens[at + 1..])),
                _ => {}
            }
            is_public = false;
            at += module.record(&tokens[at..]);
        }
        module
    }

    /// Records the path or word that begins here, and returns its number of tokens, at least one.
    fn record(&mut self, tokens: &[String]) -> usize {
        if !is_word(&tokens[0]) {
            return 1;
        }
        let mut length = 1;
        while let [colons, word, ..] = &tokens[length..]
            && colons == "::"
            && is_word(word)
        {
            length += 2;
        }
        let path: Vec<String> = tokens[..length].iter().step_by(2).cloned().collect();
        self.words.insert(path[0].clone());
        if path.len() > 1 {
            self.paths.push(path);
        }
        length
    }
}

/// The type of the `impl` block whose tokens after `impl` are these; `None` for the `impl` of a
/// trait.
fn extended(tokens: &[String]) -> Option<String> {
    let head = tokens.split(|token| token == "{").next()?;
    let is_of_trait = head.iter().any(|token| token == "for");
    let (mut depth, mut name) = (0, None);
    for token in head.iter().take_while(|token| *token != "where") {
        match token.as_str() {
            "<" => depth += 1,
            ">" => depth -= 1,
            word if depth == 0 && is_word(word) => name = Some(word),
            _ => {}
        }
    }
    name.filter(|_| !is_of_trait).map(String::from)
}

/// The position after the bracket that closes the one at `open`.
fn after_bracket(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

/// Adds each import of a tree such as `a::{b, c::{self, d as e}}` to `found`; `before` is the path
/// so far.
fn spread(tree: &[String], before: &mut Vec<String>, is_public: bool, found: &mut Vec<Import>) {
    let length = before.len();
    let mut at = 0;
    while let Some(token) = tree.get(at) {
        match token.as_str() {
            "{" => {
                let end = after_bracket(tree, at);
                let mut part = at + 1;
                while part < end {
                    let next = end_of_part(&tree[..end - 1], part);
                    spread(&tree[part..next], before, is_public, found);
                    part = next + 1;
                }
                before.truncate(length);
                return;
            }
            "as" => break,
            "::" => {}
            word => before.push(word.to_owned()),
        }
        at += 1;
    }
    let mut path = before.clone();
    path.pop_if(|last| last == "self" && before.len() > 1);
    if let Some(last) = path.last() {
        let name = tree.get(at + 1).unwrap_or(last).clone();
        let path = if last == "*" { path[..path.len() - 1].to_vec() } else { path.clone() };
        found.push(Import { path, name, is_public });
    }
    before.truncate(length);
}

/// The end of the part that begins at `from`: the next comma outside inner brackets.
fn end_of_part(tree: &[String], from: usize) -> usize {
    let mut at = from;
    while at < tree.len() && tree[at] != "," {
        at = if tree[at] == "{" { after_bracket(tree, at) } else { at + 1 };
    }
    at
}

fn is_word(token: &str) -> bool {
    token.starts_with(|char: char| char.is_alphabetic() || char == '_')
}

/// Keywords that a declared name follows.
const DECLARING: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"];
