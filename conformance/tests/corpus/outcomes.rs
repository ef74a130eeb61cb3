//! Outcomes: the table with the expected outcome of each file.

use std::fs;
use std::path::{Path, PathBuf};

use crate::play::Way;

/// One file and its expected outcome.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its path in the corpus.
    pub(crate) file: String,
    /// The ids of the rules that demand the outcome.
    pub(crate) rules: Vec<String>,
    /// The label of the server's close reason.
    pub(crate) end: String,
    /// The lines of the table: what the other members receive, what the client receives, and how
    /// its connection ends.
    pub(crate) outcome: String,
    /// The same if the server refuses the client before it recognises its protocol.
    cut: String,
}

impl Entry {
    /// Whether the client ends the connection.
    pub(crate) fn leaves(&self) -> bool {
        self.end.starts_with("left")
    }

    /// Whether the table allows this outcome. Byte by byte, a refusal may come before the protocol is
    /// recognised.
    pub(crate) fn allows(&self, outcome: &str, way: Way) -> bool {
        outcome == self.outcome || (way == Way::Bytewise && outcome == self.cut)
    }

    /// The bytes that the client sends.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        fs::read(folder().join(&self.file)).expect("a file of the corpus can be read")
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// All entries, in the order of the table.
pub(crate) fn table() -> Vec<Entry> {
    let text = fs::read_to_string(folder().join("outcomes.txt")).expect("the table can be read");
    let stanzas = text.split("\n\n").skip(1);
    stanzas.map(entry).collect()
}

fn entry(stanza: &str) -> Entry {
    let mut lines = stanza.lines();
    let file = lines.next().expect("a stanza begins with the name of a file").to_owned();
    let (rules, outcome): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with("  rules "));
    let rules = rules.iter().flat_map(|line| line.split_whitespace().skip(1)).map(str::to_owned);
    let (cut, outcome): (Vec<_>, Vec<_>) =
        outcome.into_iter().partition(|line| line.starts_with("  cut "));
    let error = |line: &&str| match cut[..] {
        [cut] if line.starts_with("  error ") => cut.replacen("  cut   ", "  error ", 1),
        _ => (*line).to_owned(),
    };
    let end = outcome.last().and_then(|line| line.strip_prefix("  end   "));
    Entry {
        rules: rules.collect(),
        end: end.unwrap_or_else(|| panic!("{file}: the last line must be `end`")).to_owned(),
        cut: outcome.iter().map(error).collect::<Vec<_>>().join("\n") + "\n",
        outcome: outcome.join("\n") + "\n",
        file,
    }
}
