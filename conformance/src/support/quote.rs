//! Quote: words in the syntax of a shell.

use std::ffi::OsString;

/// A word in the syntax of a shell, with quotes where it needs them.
pub(crate) fn quoted(word: &OsString) -> String {
    let word = word.to_string_lossy();
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./=:,+@%".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
