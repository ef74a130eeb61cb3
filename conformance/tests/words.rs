//! Words: the project uses the field's terms, which docs/glossary.md settles, and no private ones.

use std::fs;
use std::path::{Path, PathBuf};

/// Words that stood for terms of the field, and the term.
const PRIVATE: [(&str, &str); 16] = [
    ("told", "reported, notified, logged, printed"),
    ("heed", "handle, honour, enforce"),
    ("heeds", "handles, honours, enforces"),
    ("whoever", "name the actor: the caller, a member"),
    ("somebody", "name the actor: a member, a client"),
    ("everybody", "all members, all clients"),
    ("courier", "delivery thread"),
    ("porter", "rejection thread"),
    ("yardstick", "baseline"),
    ("yardsticks", "baselines"),
    ("on their way", "in flight"),
    ("under way", "in flight, in progress"),
    ("let go of", "discard, drop"),
    ("lets go of", "discards, drops"),
    ("rides along", "is included, is coalesced"),
    ("says its last", "sends EOF, half-closes"),
];

#[test]
fn no_text_uses_a_private_word_for_a_term() {
    let files = files();
    assert!(files.len() > 200, "only {} files were found: the search is wrong", files.len());
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("a text of the tree can be read");
        for (number, line) in text.lines().enumerate() {
            let place = format!("{}:{}", path.display(), number + 1);
            found.extend(
                private(line).map(|(word, term)| format!("{place}: {word} (write: {term})")),
            );
        }
    }
    assert!(found.is_empty(), "private words:\n{}", found.join("\n"));
}

#[test]
fn a_private_word_is_found_as_a_whole_word_only() {
    let words = |line| private(line).map(|(word, _)| word).collect::<Vec<_>>();
    assert_eq!(["told"], words("It was Told once.")[..]);
    assert_eq!(["under way"], words("a round under way")[..]);
    assert_eq!([""; 0], words("a supporter untold_by toldo")[..]);
}

/// The private words of a line.
fn private(line: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    let line = format!(" {} ", line.to_lowercase());
    let is_in = move |word: &str| {
        line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back().is_some_and(is_part);
            let after = line[at + word.len()..].chars().next().is_some_and(is_part);
            !before && !after
        })
    };
    PRIVATE.into_iter().filter(move |(word, _)| is_in(word))
}

fn is_part(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

/// Every text of the project but the corpora and this file.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a crate is in a folder");
    let (mut folders, mut found) = (vec![root.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the tree can be read") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", "corpus", ".git"].contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if is_text(&name) {
                found.push(path);
            }
        }
    }
    found
}

fn is_text(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|it| ["rs", "md", "toml", "py"].contains(&it)) && name != "words.rs"
}
