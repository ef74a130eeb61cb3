//! Names: who is taken for whom, so that no two members look alike.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use protocol::{Name, is_invisible};
use unicode_security::confusable_detection::skeleton;

use crate::room::MemberId;

/// The sender of what the server itself says. No client may have it, in any spelling (SPEC NAM-04).
pub const RESERVED: &str = "server";

/// What everybody is told last (SPEC SHD-01).
pub const STOPPING: &str = "the server is stopping: good bye";

/// The names in use, by key: what a name looks like, however it is spelled.
#[derive(Debug)]
pub(crate) struct Names {
    taken: HashMap<String, Holder>,
    reserved: String,
    /// How many names have been given: the number to go on with when the next few are taken.
    given: usize,
}

/// Who has a name.
#[derive(Clone, Copy, Debug)]
struct Holder {
    member: MemberId,
    /// The number that the next newcomer of the same name is given.
    number: usize,
}

impl Names {
    /// No name in use; the reserved one is refused from the start.
    pub(crate) fn new() -> Self {
        Self { taken: HashMap::new(), reserved: key(RESERVED), given: FIRST_NUMBER }
    }

    /// Takes `name` for `member`, or the same with a number behind it if somebody has it (SPEC NAM-05).
    ///
    /// `None` if it looks like the reserved name (SPEC NAM-04).
    pub(crate) fn take(&mut self, name: &Name, member: MemberId) -> Option<Name> {
        self.given += 1;
        let wanted = key(name.as_str());
        if wanted == self.reserved {
            return None;
        }
        let newcomer = Holder { member, number: FIRST_NUMBER };
        let Some(mut number) = self.taken.get(&wanted).map(|holder| holder.number) else {
            self.taken.insert(wanted, newcomer);
            return Some(name.clone());
        };
        // The number only grows while the name is held, so that a crowd of equal names costs each
        // newcomer one look-up, and `ann-2` is not suddenly somebody else. A crowd that somebody left
        // behind on purpose is jumped over: higher numbers than names were given are rare.
        let mut tries = 0;
        let free = loop {
            tries += 1;
            if tries == NUMBERS_TRIED {
                number = number.max(self.given);
            }
            let numbered = name.numbered(number);
            number += 1;
            if let Entry::Vacant(vacant) = self.taken.entry(key(numbered.as_str())) {
                vacant.insert(newcomer);
                break numbered;
            }
        };
        self.taken.entry(wanted).and_modify(|holder| holder.number = number);
        Some(free)
    }

    /// Whether nobody can have this name (SPEC NAM-04).
    pub(crate) fn is_reserved(&self, name: &Name) -> bool {
        key(name.as_str()) == self.reserved
    }

    /// Who has this name, in whatever spelling.
    pub(crate) fn holder(&self, name: &str) -> Option<MemberId> {
        self.taken.get(&key(name)).map(|holder| holder.member)
    }

    /// Frees a name that [`take`](Self::take) gave (SPEC CLS-07).
    pub(crate) fn free(&mut self, name: &Name) {
        let held = self.taken.remove(&key(name.as_str()));
        debug_assert!(held.is_some(), "only names in use are freed");
    }
}

/// What a name looks like: without what shows nothing, trimmed, lower-cased, confusable characters unified by the skeleton of
/// Unicode's UTS 39, lower-cased again because a skeleton may hold capitals.
fn key(name: &str) -> String {
    let visible: String = name.chars().filter(|&char| !is_invisible(char)).collect();
    let lower = visible.trim().to_lowercase();
    skeleton(&lower).collect::<String>().to_lowercase()
}

const FIRST_NUMBER: usize = 2;

/// So many numbers in a row are tried before those given so far are jumped over.
const NUMBERS_TRIED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn take(names: &mut Names, name: &str) -> Option<String> {
        let name = Name::new(name.as_bytes()).expect("tests use good names");
        names.take(&name, MEMBER).map(|name| name.as_str().to_owned())
    }

    const MEMBER: MemberId = MemberId::new(0, 0);

    #[test]
    fn a_taken_name_is_numbered_and_free_again_after() {
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
        let holder = MemberId::new(3, 7);
        names.take(&name, holder);
        take(&mut names, "ann");
        assert_eq!(Some(holder), names.holder(" aNN "));
        assert_eq!(Some(MEMBER), names.holder("ann-2"));
        names.free(&name);
        assert_eq!(None, names.holder("ann"));
    }

    #[test]
    fn a_number_that_somebody_chose_is_passed_over() {
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
    fn the_reserved_name_is_refused_in_any_spelling() {
        let invisible = ["server\u{2800}", "s\u{200b}erver", "\u{2060}server"];
        let cyrillic = "ѕеrvеr";
        for spelling in [&["server", "Server", " SERVER ", cyrillic][..], &invisible].concat() {
            assert_eq!(take(&mut Names::new(), spelling), None, "{spelling:?}");
        }
    }

    #[test]
    fn a_crowd_left_behind_on_purpose_is_jumped_over() {
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
