//! Outcomes: the table of what must become of each file.

use std::fs;
use std::path::{Path, PathBuf};

/// One file, and what must become of it.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its path in the corpus.
    pub(crate) file: String,
    pub(crate) rules: Vec<String>,
    /// The label of the reason that the server must have for the connection's end.
    pub(crate) end: String,
    /// The lines of the table that tell what is heard and told and how it ends.
    pub(crate) outcome: String,
}

impl Entry {
    /// Whether the client is the one who ends the connection.
    pub(crate) fn leaves(&self) -> bool {
        self.end.starts_with("left")
    }

    /// What the client sends.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(folder().join(&self.file)).expect("a file of the corpus can be read")
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The whole table, in its order.
pub(crate) fn table() -> Vec<Entry> {
    let text = fs::read_to_string(folder().join("outcomes.txt")).expect("the table can be read");
    let stanzas = text.split("\n\n").skip(1);
    stanzas.map(entry).collect()
}

fn entry(stanza: &str) -> Entry {
    let mut lines = stanza.lines();
    let file = lines.next().expect("a stanza begins with a file").to_owned();
    let (rules, outcome): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("  rules "));
    let rules = rules.iter().flat_map(|line| line.split_whitespace().skip(1)).map(str::to_owned);
    let end = outcome.last().and_then(|line| line.strip_prefix("  end   "));
    Entry {
        rules: rules.collect(),
        end: end.unwrap_or_else(|| panic!("{file}: the last line tells the end")).to_owned(),
        outcome: outcome.join("\n") + "\n",
        file,
    }
}
