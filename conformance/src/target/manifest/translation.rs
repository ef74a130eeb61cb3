//! Translations: how a foreign command line says what a flag of ours says.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;

use server_core::PerClient;
use toml::Spanned;

use crate::target::Declared;
use crate::target::declared::{Shape, our_flags, shape};

/// As they are written: a flag of ours, with or without its value, and the foreign words for it.
pub(super) type Table = BTreeMap<Spanned<String>, Spanned<String>>;

/// The words for every flag of ours that a server understands.
#[derive(Clone, Debug, Default)]
pub(super) struct Translations(BTreeMap<String, String>);

impl Translations {
    /// Checks what is written.
    ///
    /// # Errors
    ///
    /// The first flag that is none of ours, or whose words have no place for its value: where it stands, and what
    /// is wrong.
    pub(super) fn new(table: &Table) -> Result<Self, (Range<usize>, String)> {
        let mut translations = BTreeMap::new();
        for (flag, words) in table {
            check(flag.get_ref(), words.get_ref()).map_err(|what| (flag.span(), what))?;
            translations.insert(flag.get_ref().clone(), words.get_ref().clone());
        }
        Ok(Self(translations))
    }

    /// The foreign words for these flags of ours; `None` if there are none for one of them.
    pub(super) fn of(&self, flags: &[String]) -> Option<Vec<OsString>> {
        let each = flags.chunk_by(|_, next| !next.starts_with("--"));
        let spelled: Option<Vec<String>> = each.map(|flag| self.of_one(flag)).collect();
        Some(
            spelled?
                .iter()
                .flat_map(|words| words.split_whitespace())
                .map(OsString::from)
                .collect(),
        )
    }

    /// The words for a flag and its value: for just this value, or for any.
    fn of_one(&self, flag: &[String]) -> Option<String> {
        if let Some(words) = self.0.get(&flag.join(" ")) {
            return Some(words.clone());
        }
        let [flag, value] = flag else { return None };
        self.0.get(flag).map(|words| words.replace(VALUE, value))
    }
}

/// Whether `written` is a flag of ours, alone or with a value it can have, and `words` can stand for it.
fn check(written: &str, words: &str) -> Result<(), String> {
    let parts: Vec<String> = written.split_whitespace().map(String::from).collect();
    let flag = parts.first().map_or("", |flag| flag);
    let shape =
        shape(flag).ok_or_else(|| format!("{written} is none of {}", our_flags().join(", ")))?;
    if shape == Shape::Valued && parts.len() == 1 {
        return if words.contains(VALUE) {
            Ok(())
        } else {
            Err(format!("{flag} has a value: write {VALUE} where it belongs, as in \"-x {VALUE}\""))
        };
    }
    let is_ours = Declared::ours(&parts, PerClient::Descriptor).map(drop);
    // The rest of what the command line says is about its own usage.
    let first_line = |told: String| told.lines().next().unwrap_or_default().replace("error: ", "");
    is_ours.map_err(first_line)
}

/// What stands for the value in the words.
const VALUE: &str = "{}";
