//! Translation: a server's own words for our flags.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;

use server_core::PerClient;
use toml::Spanned;

use crate::target::Declared;
use crate::target::declared::{Shape, our_flags, shape};

/// The table in the file: a flag of ours, with or without a value, and the server's words for it.
pub(super) type Table = BTreeMap<Spanned<String>, Spanned<String>>;

/// The server's words for each flag of ours that it can translate.
#[derive(Clone, Debug, Default)]
pub(super) struct Translations(BTreeMap<String, String>);

impl Translations {
    /// Checks the table of the file.
    ///
    /// # Errors
    ///
    /// The place and the mistake of the first line whose flag is not one of ours, or whose words
    /// lack the placeholder for the value.
    pub(super) fn new(table: &Table) -> Result<Self, (Range<usize>, String)> {
        let mut translations = BTreeMap::new();
        for (flag, words) in table {
            check(flag.get_ref(), words.get_ref()).map_err(|what| (flag.span(), what))?;
            translations.insert(flag.get_ref().clone(), words.get_ref().clone());
        }
        Ok(Self(translations))
    }

    /// The words for these flags of ours; `None` if there are none for one of them.
    pub(super) fn of(&self, flags: &[String]) -> Option<Vec<OsString>> {
        let each = flags.chunk_by(|_, next| !next.starts_with("--"));
        let translated: Option<Vec<String>> = each.map(|flag| self.of_one(flag)).collect();
        Some(
            translated?
                .iter()
                .flat_map(|words| words.split_whitespace())
                .map(OsString::from)
                .collect(),
        )
    }

    /// The words for a flag and its value: those for this value, or else those for any value.
    fn of_one(&self, flag: &[String]) -> Option<String> {
        if let Some(words) = self.0.get(&flag.join(" ")) {
            return Some(words.clone());
        }
        let [flag, value] = flag else { return None };
        self.0.get(flag).map(|words| words.replace(VALUE, value))
    }
}

/// Checks that `written` is a flag of ours, alone or with a valid value, and that `words` can
/// replace it.
fn check(written: &str, words: &str) -> Result<(), String> {
    let parts: Vec<String> = written.split_whitespace().map(String::from).collect();
    let flag = parts.first().map_or("", |flag| flag);
    let shape =
        shape(flag).ok_or_else(|| format!("{written} is not one of {}", our_flags().join(", ")))?;
    if shape == Shape::Valued && parts.len() == 1 {
        return if words.contains(VALUE) {
            Ok(())
        } else {
            Err(format!("{flag} takes a value: write {VALUE} in its place, as in \"-x {VALUE}\""))
        };
    }
    let is_ours = Declared::ours(&parts, PerClient::Descriptor).map(drop);
    // The other lines describe the usage of our command line, which does not apply here.
    let first_line =
        |error: String| error.lines().next().unwrap_or_default().replace("error: ", "");
    is_ours.map_err(first_line)
}

/// The placeholder for the value.
const VALUE: &str = "{}";
