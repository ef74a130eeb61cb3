//! Names: the names in use, of which no two look alike.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use protocol::{Name, is_invisible};
use unicode_security::confusable_detection::skeleton;

/// The sender of the server's own pairs. No client may have this name, in any spelling (SPEC NAM-04).
pub const RESERVED: &str = "server";

/// The notice of a shutdown, which is the last pair that members receive (SPEC SHD-01).
pub const STOPPING: &str = "the server is stopping: good bye";

/// The names in use, by [`key`].
#[derive(Debug)]
pub(crate) struct Names {
    taken: HashMap<Box<str>, Holder>,
    reserved: String,
    /// How many names have been given: the number to continue with when the next few are taken.
    given: usize,
}

/// The member that has a name.
#[derive(Clone, Copy, Debug)]
struct Holder {
    /// The member's place in the room. Another member gets that place only after the name is free.
    place: usize,
    /// The number that the next newcomer with the same name gets.
    number: usize,
}

impl Names {
    /// No name in use.
    pub(crate) fn new() -> Self {
        Self { taken: HashMap::new(), reserved: key(RESERVED), given: FIRST_NUMBER }
    }

    /// Takes `name` for the member at `place`, or, if another member has it, `name` with a number after it (SPEC
    /// NAM-05). Returns the name that was taken; `None` if `name` looks like the reserved one (SPEC NAM-04).
    pub(crate) fn take(&mut self, name: &Name, place: usize) -> Option<Name> {
        self.given += 1;
        let wanted = key(name.as_str());
        if wanted == self.reserved {
            return None;
        }
        let newcomer = Holder { place, number: FIRST_NUMBER };
        let Some(mut number) = self.taken.get(&*wanted).map(|holder| holder.number) else {
            self.taken.insert(wanted.into(), newcomer);
            return Some(name.clone());
        };
        // The number only grows while the name is in use: then many clients with the same name cost each newcomer
        // one look-up, and `ann-2` does not soon mean another member. A client may have taken many numbered names
        // on purpose. These are skipped at once: a number above the count of names given is rare.
        let mut tries = 0;
        let free = loop {
            tries += 1;
            if tries == NUMBERS_TRIED {
                number = number.max(self.given);
            }
            let numbered = name.numbered(number);
            number += 1;
            if let Entry::Vacant(vacant) = self.taken.entry(key(numbered.as_str()).into()) {
                vacant.insert(newcomer);
                break numbered;
            }
        };
        self.taken.entry(wanted.into()).and_modify(|holder| holder.number = number);
        Some(free)
    }

    /// Whether the name looks like the reserved one (SPEC NAM-04).
    pub(crate) fn is_reserved(&self, name: &Name) -> bool {
        key(name.as_str()) == self.reserved
    }

    /// Finds the members whose names, followed by a space, are at the start of `text`. Returns the place of each and
    /// the text after the space, the longest name first. Examines at most `chars_max` characters.
    pub(crate) fn matches<'a>(
        &self,
        text: &'a str,
        chars_max: usize,
    ) -> impl Iterator<Item = (usize, &'a str)> {
        let (mut seen, mut word, mut found) = (String::new(), 0, Vec::new());
        let gaps = text.char_indices().take(chars_max).filter(|(_, char)| *char == ' ');
        for (gap, _) in gaps {
            // Each word is looked up in Unicode's tables once, although it may be part of several names.
            seen += &looks(&text[word..gap]);
            let holder = self.taken.get(seen.trim());
            found.extend(holder.map(|holder| (holder.place, &text[gap + 1..])));
            seen.push(' ');
            word = gap + 1;
        }
        found.into_iter().rev()
    }

    /// Frees a name that [`take`](Self::take) gave (SPEC CLS-07).
    pub(crate) fn free(&mut self, name: &Name) {
        let held = self.taken.remove(&*key(name.as_str()));
        debug_assert!(held.is_some(), "only names in use are freed");
    }
}

/// What a name looks like, without the white space around it. No two members have names with the same key.
pub fn key(name: &str) -> String {
    looks(name).trim().to_owned()
}

/// What a text looks like: without invisible characters, in lower case, with confusable characters replaced by their
/// skeleton (Unicode UTS 39), and in lower case again, because a skeleton may contain capitals. A space separates
/// what is examined together: the words of a text give the same one by one.
fn looks(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if lower.bytes().all(is_plain) {
        return lower;
    }
    if lower.bytes().all(|byte| is_plain(byte) || is_like_letters(byte)) {
        return lower.replace('m', "rn").replace('0', "o").replace('1', "l");
    }
    let visible: String = text.chars().filter(|&char| !is_invisible(char)).collect();
    skeleton(&visible.to_lowercase()).collect::<String>().to_lowercase()
}

/// Whether a lower-case character is its own skeleton, so that no look-up in Unicode's tables is needed. Most of ASCII
/// is.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'a'..=b'l' | b'n'..=b'z' | b'2'..=b'9' | b' ' | b'-' | b'_' | b'.')
}

/// Whether it is one of three common characters whose skeletons are other letters.
fn is_like_letters(byte: u8) -> bool {
    matches!(byte, b'm' | b'0' | b'1')
}

const FIRST_NUMBER: usize = 2;

/// Numbers that are tried one after the other before those given so far are skipped.
const NUMBERS_TRIED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn take(names: &mut Names, name: &str) -> Option<String> {
        let name = Name::new(name.as_bytes()).expect("tests use valid names");
        names.take(&name, PLACE).map(|name| name.as_str().to_owned())
    }

    const PLACE: usize = 0;

    #[test]
    fn a_taken_name_gets_a_number_and_can_be_freed() {
        let mut names = Names::new();
        assert_eq!(take(&mut names, "ann").unwrap(), "ann");
        assert_eq!(take(&mut names, "ann").unwrap(), "ann-2");
        assert_eq!(take(&mut names, "ann").unwrap(), "ann-3");
        names.free(&Name::new(b"ann").unwrap());
        assert_eq!(take(&mut names, "ann").unwrap(), "ann");
        assert_eq!(take(&mut names, "ann").unwrap(), "ann-4");
    }

    #[test]
    fn a_name_is_found_in_any_spelling_until_it_is_free() {
        let mut names = Names::new();
        let name = Name::new(b"Ann").unwrap();
        let holder = 3;
        names.take(&name, holder);
        take(&mut names, "ann");
        let first = |names: &Names, text| names.matches(text, 64).next().map(|(who, _)| who);
        assert_eq!(Some(holder), first(&names, "  aNN  x"));
        assert_eq!(Some(PLACE), first(&names, "ann-2 x"));
        names.free(&name);
        assert_eq!(None, first(&names, "ann x"));
    }

    #[test]
    fn words_look_the_same_one_by_one_as_together() {
        let words = [
            "a\u{301}", "\u{301}b", "ΟΔΟΣ", "Σ", "\u{a0}m", "ﷺ", "\u{200d}", "", "\u{1100}",
            "\u{1161}",
        ];
        for (one, other) in words.iter().flat_map(|one| words.map(move |other| (one, other))) {
            let together = looks(&format!("{one} {other}"));
            assert_eq!(together, [looks(one), looks(other)].join(" "), "{one:?} {other:?}");
        }
    }

    #[test]
    fn the_longest_name_comes_first_and_spaces_around_it_do_not_count() {
        let mut names = Names::new();
        take(&mut names, "bob");
        take(&mut names, "Bob  Σ");
        let texts = |text| names.matches(text, 12).map(|(_, text)| text).collect::<Vec<_>>();
        assert_eq!(["c d", " c d", "σ  c d", " σ  c d"], texts("bob  σ  c d")[..]);
        assert_eq!([""; 0], texts("longer than that, bob x")[..]);
    }

    #[test]
    fn a_number_that_a_client_chose_is_skipped() {
        let mut names = Names::new();
        assert_eq!(take(&mut names, "ann-2").unwrap(), "ann-2");
        assert_eq!(take(&mut names, "ann").unwrap(), "ann");
        assert_eq!(take(&mut names, "ann").unwrap(), "ann-3");
    }

    #[test]
    fn look_alikes_are_the_same_name() {
        for alike in ["ANN", " ann ", "аnn" /* Cyrillic а */, "Ａnn" /* full width */] {
            let mut names = Names::new();
            take(&mut names, "ann");
            assert_eq!(take(&mut names, alike), Some(format!("{alike}-2")), "{alike:?}");
        }
    }

    #[test]
    fn plain_characters_look_like_their_skeletons_and_are_visible() {
        let is_known = |byte: &u8| is_plain(*byte) || is_like_letters(*byte);
        let plain = || (0..=u8::MAX).filter(is_known).map(char::from);
        for (one, other) in plain().flat_map(|one| plain().map(move |other| (one, other))) {
            let pair = String::from_iter([one, other]);
            assert_eq!(looks(&pair), skeleton(&pair).collect::<String>().to_lowercase());
        }
        assert!(!plain().any(is_invisible));
        assert_eq!("a b-2", key(" A b-2 "));
    }

    #[test]
    fn the_reserved_name_is_rejected_in_any_spelling() {
        let invisible = ["server\u{2800}", "s\u{200b}erver", "\u{2060}server"];
        let cyrillic = "ѕеrvеr";
        for spelling in [&["server", "Server", " SERVER ", cyrillic][..], &invisible].concat() {
            assert_eq!(take(&mut Names::new(), spelling), None, "{spelling:?}");
        }
    }

    #[test]
    fn many_numbered_names_are_skipped_at_once() {
        let mut names = Names::new();
        for number in 2..2000 {
            take(&mut names, &format!("ann-{number}"));
        }
        assert_eq!(take(&mut names, "ann").unwrap(), "ann");
        assert_eq!(take(&mut names, "ann").unwrap(), "ann-2002");
    }

    #[test]
    fn ordinary_names_differ() {
        let mut names = Names::new();
        for name in ["ann", "anna", "مریم", "小明", "Zoë", "🦀", "👩‍🔬", "серверы"]
        {
            assert_eq!(take(&mut names, name).as_deref(), Some(name));
        }
    }
}
