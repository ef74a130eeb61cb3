//! The check of the cleaning: any text, against an oracle that looks at two characters at a time.

use crate::clean::{clean, clean_name};

/// Checks the properties that hold for all input. The first byte says whether the rest is a name.
pub(crate) fn check(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    if first % 2 == 0 { check_text(&text) } else { check_name(&text) }
}

fn check_text(text: &str) {
    let cleaned = clean(text);
    assert_only_marks_differ(text, &cleaned);
    cleaned.chars().for_each(assert_harmless);
    assert_hidden_ones_have_a_base(&cleaned);
    assert_eq!(cleaned, clean(&cleaned), "clean text is unchanged");
}

/// Checks the properties that only names have.
fn check_name(text: &str) {
    let name = clean_name(text);
    assert!(!name.contains(['>', '\u{2800}']), "{name:?} can pose as another line");
    assert_eq!(name, clean(&name), "a clean name is a clean text");
    assert_eq!(name, clean_name(&name), "a clean name is unchanged");
    if !text.contains(['>', '\u{2800}']) {
        assert_eq!(clean(text), name);
    }
}

/// Every character is shown unchanged or as its mark, and a visible one is shown unchanged.
fn assert_only_marks_differ(text: &str, cleaned: &str) {
    let mut remaining = cleaned;
    for char in text.chars() {
        remaining = remaining.strip_prefix(char).unwrap_or_else(|| {
            assert!(!is_visible(char), "{char:?} need not be marked");
            remaining.strip_prefix(&mark(char)).expect("a character is shown, or marked")
        });
    }
    assert_eq!("", remaining, "nothing is added at the end");
}

fn mark(char: char) -> String {
    match u32::from(char) {
        0x7F => '\u{2421}'.into(),
        number @ 0..0x20 => char::from_u32(0x2400 + number).expect("a control picture").into(),
        number => format!("[U+{number:04X}]"),
    }
}

/// Whether it is certainly visible: ASCII, and alphabets without an invisible letter.
fn is_visible(char: char) -> bool {
    matches!(char, ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{34E}' | '\u{370}'..='\u{58F}'
        | '\u{5D0}'..='\u{5EA}' | '\u{620}'..='\u{6DC}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}' | '\u{1F300}'..='\u{1FAFF}' | '\u{FFFD}')
}

/// The character is no control character, no line break, and does not turn the text's direction.
fn assert_harmless(char: char) {
    let turns = matches!(char, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}');
    let breaks = matches!(char, '\u{2028}' | '\u{2029}');
    let hides = matches!(char, '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{3164}' | '\u{FEFF}');
    assert!(!(char.is_control() || turns || breaks || hides), "{char:?} is shown");
}

/// Tags are only after a black flag, Mongolian selectors only after a Mongolian letter.
fn assert_hidden_ones_have_a_base(cleaned: &str) {
    let mut previous = ' ';
    for char in cleaned.chars() {
        let has_base = match char {
            '\u{E0000}'..='\u{E007F}' => {
                matches!(previous, '\u{1F3F4}' | '\u{E0000}'..='\u{E007F}')
            }
            '\u{180B}'..='\u{180F}' => {
                matches!(previous, '\u{180B}'..='\u{180F}' | '\u{1820}'..='\u{18AA}')
            }
            _ => true,
        };
        assert!(has_base, "{char:?} after {previous:?}");
        previous = char;
    }
}
