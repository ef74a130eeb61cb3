//! Cleaning: what other people wrote is shown, never obeyed.
//!
//! A terminal takes some characters for orders: move the cursor, erase a line, set the window's
//! title, type an answer. Others change what is read without being seen: they reverse the order of
//! letters or part two words that look like one. Both let a message pose as somebody else's. Here
//! they become visible marks: a control character its picture (ESC is `␛`), anything else its
//! number (`[U+202E]`).
//!
//! Left alone is what ordinary writing needs, although it is invisible too: the joiner and
//! non-joiner (Persian, emoji families), variation selectors, and the tag characters that follow a
//! black flag.

use std::fmt::Write as _;

/// `text` with every character shown that a terminal would obey or hide. One line stays one line.
///
/// Cleaning what is clean already changes nothing.
///
/// ```
/// use client_cli::clean::clean;
/// assert_eq!(clean("سلام، 你好 👩‍👩‍👧"), "سلام، 你好 👩‍👩‍👧");
/// assert_eq!(clean("\x1b[2Jgone\r\n"), "␛[2Jgone␍␊");
/// assert_eq!(clean("abc\u{202E}fed"), "abc[U+202E]fed");
/// ```
pub fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut in_flag = false;
    for char in text.chars() {
        in_flag = char == BLACK_FLAG || (in_flag && is_tag(char));
        if in_flag || !is_order_or_hidden(char) {
            shown.push(char);
        } else {
            push_mark(char, &mut shown);
        }
    }
    shown
}

/// A name, cleaned, and with its `>` marked: the first `>` of a printed line is then always the one
/// that ends the name, so that nobody called `bob > yes` can put words into bob's mouth.
///
/// ```
/// assert_eq!(client_cli::clean::clean_name("bob > yes"), "bob [U+003E] yes");
/// ```
pub fn clean_name(name: &str) -> String {
    clean(name).replace('>', "[U+003E]")
}

fn is_order_or_hidden(char: char) -> bool {
    char.is_control()
        || is_tag(char)
        || matches!(char,
            '\u{200E}' | '\u{200F}' | '\u{61C}' // marks of direction
            | '\u{2028}'..='\u{202E}' // line and paragraph separators, embeddings, overrides
            | '\u{2060}'..='\u{206F}' // word joiner, operators, isolates, old format marks
            | '\u{AD}' | '\u{180E}' | '\u{200B}' | '\u{FEFF}' // spaces and hyphens of no width
            | '\u{3164}' | '\u{FFA0}' // letters that look like nothing
            | '\u{FFF9}'..='\u{FFFB}' // annotations
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' // shorthand and musical format
        )
}

/// An invisible copy of ASCII; its one ordinary use is in the flags of regions.
fn is_tag(char: char) -> bool {
    matches!(char, '\u{E0000}'..='\u{E007F}')
}

fn push_mark(char: char, shown: &mut String) {
    let number = u32::from(char);
    let picture = match char {
        '\0'..='\x1F' => char::from_u32(CONTROL_PICTURES + number),
        '\x7F' => Some('␡'),
        _ => None,
    };
    match picture {
        Some(picture) => shown.push(picture),
        None => write!(shown, "[U+{number:04X}]").expect("a string takes everything"),
    }
}

const BLACK_FLAG: char = '\u{1F3F4}';

/// Unicode's block of pictures for the control characters, in their order.
const CONTROL_PICTURES: u32 = 0x2400;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_writing_passes_unchanged() {
        for text in [
            "plain ASCII with [brackets] > and <more>",
            "می‌خواهم سلام کنم",
            "你好，世界",
            "naïve Straße, cafe\u{301}",
            "👩‍👩‍👧 ❤️ 1️⃣ 🇮🇷 👍🏽",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}!",
        ] {
            assert_eq!(text, clean(text));
        }
    }

    #[test]
    fn orders_to_the_terminal_become_pictures() {
        assert_eq!("␀␇␈␉␊␍␛]0;title␇␡", clean("\0\x07\x08\t\n\r\x1b]0;title\x07\x7f"));
        assert_eq!("[U+0085][U+009B]31m", clean("\u{85}\u{9B}31m"));
    }

    #[test]
    fn invisible_characters_become_numbers() {
        for char in "\u{200E}\u{200F}\u{2028}\u{2029}\u{202A}\u{202E}\u{2066}\u{2069}\u{200B}\
                     \u{AD}\u{FEFF}\u{3164}\u{E0041}"
            .chars()
        {
            assert_eq!(format!("a[U+{:04X}]b", u32::from(char)), clean(&format!("a{char}b")));
        }
    }

    #[test]
    fn tags_are_hidden_only_behind_a_flag() {
        assert_eq!("🏴a[U+E0061]", clean("🏴a\u{E0061}"));
    }

    #[test]
    fn a_name_cannot_forge_the_border_to_the_text() {
        assert_eq!("bob [U+003E]", clean_name("bob >"));
        assert_eq!("bob␊eve[U+003E]", clean_name("bob\neve>"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_shown_is_an_order(text in any::<String>(), order in control()) {
            let shown = clean(&format!("{text}{order}{text}"));
            prop_assert!(!shown.contains(char::is_control));
            prop_assert!(!shown.contains(|char| !is_tag(char) && is_order_or_hidden(char)));
        }

        #[test]
        fn cleaning_twice_is_cleaning_once(text in any::<String>(), order in control()) {
            let once = clean(&format!("{text}{order}"));
            prop_assert_eq!(&once, &clean(&once));
            let name = clean_name(&text);
            prop_assert_eq!(&name, &clean_name(&name));
            prop_assert!(!name.contains('>'));
        }
    }

    fn control() -> impl Strategy<Value = char> {
        prop_oneof![
            proptest::char::range('\0', '\x1F'),
            proptest::char::range('\x7F', '\u{9F}'),
            proptest::char::range('\u{2000}', '\u{206F}'),
            proptest::char::range('\u{E0000}', '\u{E007F}'),
        ]
    }
}
