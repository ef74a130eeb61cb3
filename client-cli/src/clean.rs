//! Cleaning: text from other members is shown, and never controls the terminal.
//!
//! A terminal takes some characters for control sequences: move the cursor, erase a line, set the
//! window's title, type an answer. Other characters are invisible and change how text reads: they
//! reverse the order of letters, or separate two words that look like one. With both, a message can
//! pose as another member's. This module replaces them by visible marks: a control character by its
//! picture (ESC by `␛`), any other by its number (`[U+202E]`).
//!
//! Unicode calls the invisible characters default-ignorable. Those that ordinary writing needs pass
//! unchanged: the joiner and non-joiner (Persian, emoji families), variation selectors (emoji, rare
//! forms of Chinese characters), and in their proper place only, the tags after a black flag and
//! the selectors after a Mongolian letter.

use std::fmt::Write as _;

/// `text` with a visible mark for every character that a terminal would obey or hide. The result is
/// one line.
///
/// Cleaning is idempotent: clean text is returned unchanged.
///
/// ```
/// use client_cli::clean::clean;
/// assert_eq!(clean("سلام، 你好 👩‍👩‍👧"), "سلام، 你好 👩‍👩‍👧");
/// assert_eq!(clean("\x1b[2Jgone\r\n"), "␛[2Jgone␍␊");
/// assert_eq!(clean("abc\u{202E}fed"), "abc[U+202E]fed");
/// ```
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut in_flag = false;
    let mut in_mongolian = false;
    for char in text.chars() {
        in_flag = char == BLACK_FLAG || (in_flag && is_tag(char));
        in_mongolian = is_mongolian_letter(char) || (in_mongolian && is_mongolian_selector(char));
        if in_flag || in_mongolian || !is_control_or_hidden(char) {
            cleaned.push(char);
        } else {
            push_mark(char, &mut cleaned);
        }
    }
    cleaned
}

/// A cleaned name with its `>` marked. The first `>` of a printed line is then always the one that
/// ends the name, and a member with the name `bob > yes` cannot forge a message from bob. The blank
/// Braille cell is marked as well: Braille text needs it between words, but at the end of a name it
/// is invisible.
///
/// ```
/// assert_eq!(client_cli::clean::clean_name("bob > yes"), "bob [U+003E] yes");
/// ```
pub fn clean_name(name: &str) -> String {
    clean(name).replace('>', "[U+003E]").replace('\u{2800}', "[U+2800]")
}

fn is_control_or_hidden(char: char) -> bool {
    char.is_control()
        || is_separator_or_annotation(char)
        || (is_default_ignorable(char) && !is_used_in_writing(char))
}

fn is_separator_or_annotation(char: char) -> bool {
    matches!(char, '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}')
}

/// Unicode's property `Default_Ignorable_Code_Point`, as of version 17.
fn is_default_ignorable(char: char) -> bool {
    matches!(char,
        '\u{AD}' | '\u{34F}' // soft hyphen, grapheme joiner
        | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' // Hangul letters without a shape
        | '\u{17B4}' | '\u{17B5}' // Khmer vowels that are not in use
        | '\u{180B}'..='\u{180F}' // Mongolian selectors and vowel separator
        | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' // direction, no width
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' // word joiners, operators, isolates
        | '\u{FE00}'..='\u{FE0F}' // variation selectors
        | '\u{FFF0}'..='\u{FFF8}' // reserved
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' // shorthand and musical format
        | '\u{E0000}'..='\u{E0FFF}' // tags, more variation selectors, reserved
    )
}

/// Whether it passes at any place: the non-joiner, the joiner and the variation selectors.
fn is_used_in_writing(char: char) -> bool {
    matches!(char,
        '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether it is one of the invisible copies of ASCII, which ordinary text uses in flags only.
fn is_tag(char: char) -> bool {
    matches!(char, '\u{E0000}'..='\u{E007F}')
}

fn is_mongolian_letter(char: char) -> bool {
    matches!(char, '\u{1820}'..='\u{18AA}')
}

/// Whether it selects a letter's form, or separates a last vowel from its word.
fn is_mongolian_selector(char: char) -> bool {
    matches!(char, '\u{180B}'..='\u{180F}')
}

fn push_mark(char: char, cleaned: &mut String) {
    let number = u32::from(char);
    let picture = match char {
        '\0'..='\x1F' => char::from_u32(CONTROL_PICTURES + number),
        '\x7F' => Some('␡'),
        _ => None,
    };
    match picture {
        Some(picture) => cleaned.push(picture),
        None => write!(cleaned, "[U+{number:04X}]").expect("writing to a string cannot fail"),
    }
}

const BLACK_FLAG: char = '\u{1F3F4}';

/// The first of Unicode's pictures for control characters, which are in the characters' order.
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
            "葛\u{E0100}城",
            "ᠰᠠᠷ\u{180E}ᠠ ᠠ\u{180B}\u{180E}ᠠ",
            "👩‍👩‍👧 ❤️ 1️⃣ 🇮🇷 👍🏽",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}!",
        ] {
            assert_eq!(text, clean(text));
        }
    }

    #[test]
    fn control_characters_become_pictures() {
        assert_eq!("␀␇␈␉␊␍␛]0;title␇␡", clean("\0\x07\x08\t\n\r\x1b]0;title\x07\x7f"));
        assert_eq!("[U+0085][U+009B]31m", clean("\u{85}\u{9B}31m"));
    }

    #[test]
    fn invisible_characters_become_numbers() {
        for char in "\u{200E}\u{200F}\u{2028}\u{2029}\u{202A}\u{202E}\u{2066}\u{2069}\u{200B}\
                     \u{AD}\u{34F}\u{61C}\u{115F}\u{1160}\u{17B4}\u{17B5}\u{180B}\u{180E}\u{180F}\
                     \u{2060}\u{2065}\u{206F}\u{3164}\u{FEFF}\u{FFA0}\u{FFF0}\u{FFFB}\u{1BCA0}\
                     \u{1D17A}\u{E0000}\u{E0041}\u{E0080}\u{E00FF}\u{E01F0}\u{E0FFF}"
            .chars()
        {
            assert_eq!(format!("a[U+{:04X}]b", u32::from(char)), clean(&format!("a{char}b")));
        }
    }

    #[test]
    fn tags_pass_only_after_a_flag() {
        assert_eq!("🏴a[U+E0061]", clean("🏴a\u{E0061}"));
    }

    #[test]
    fn mongolian_selectors_pass_only_after_a_mongolian_letter() {
        assert_eq!("ᠠa[U+180B]", clean("ᠠa\u{180B}"));
    }

    #[test]
    fn a_blank_braille_cell_is_marked_only_in_names() {
        assert_eq!("⠓\u{2800}⠊", clean("⠓\u{2800}⠊"));
        assert_eq!("ann[U+2800]", clean_name("ann\u{2800}"));
    }

    #[test]
    fn a_name_cannot_forge_the_separator() {
        assert_eq!("bob [U+003E]", clean_name("bob >"));
        assert_eq!("bob␊eve[U+003E]", clean_name("bob\neve>"));
    }

    proptest! {
        #[test]
        fn cleaned_text_has_no_control_characters(text in any::<String>(), control in any_control()) {
            let cleaned = clean(&format!("{text}{control}{text}"));
            prop_assert!(!cleaned.contains(char::is_control));
            let is_allowed_in_context = |char| is_tag(char) || is_mongolian_selector(char);
            prop_assert!(!cleaned.contains(|char| is_control_or_hidden(char) && !is_allowed_in_context(char)));
        }

        #[test]
        fn cleaning_is_idempotent(text in any::<String>(), control in any_control()) {
            let once = clean(&format!("{text}{control}"));
            prop_assert_eq!(&once, &clean(&once));
            let name = clean_name(&text);
            prop_assert_eq!(&name, &clean_name(&name));
            let is_clean = !name.contains(['>', '\u{2800}']);
            prop_assert!(is_clean, "{name:?}");
        }
    }

    fn any_control() -> impl Strategy<Value = char> {
        prop_oneof![
            proptest::char::range('\0', '\x1F'),
            proptest::char::range('\x7F', '\u{9F}'),
            proptest::char::range('\u{1800}', '\u{1820}'),
            proptest::char::range('\u{2000}', '\u{206F}'),
            proptest::char::range('\u{E0000}', '\u{E007F}'),
        ]
    }
}
