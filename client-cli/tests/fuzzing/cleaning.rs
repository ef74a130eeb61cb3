//! The cleaning: any text, against a judge that looks at one character and the one before it.

use crate::clean::{clean, clean_name};

/// Reads an input as text, behind a byte that says if it is a name, and checks what holds for all.
pub(crate) fn check(input: &[u8]) {
    let Some((first, text)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    if first % 2 == 0 { check_text(&text) } else { check_name(&text) }
}

fn check_text(text: &str) {
    let shown = clean(text);
    nothing_but_marks_is_changed(text, &shown);
    shown.chars().for_each(is_harmless_anywhere);
    hidden_ones_are_at_home(&shown);
    assert_eq!(shown, clean(&shown), "what is clean stays as it is");
}

/// What a name promises besides.
fn check_name(text: &str) {
    let name = clean_name(text);
    assert!(!name.contains(['>', '\u{2800}']), "{name:?} can pose as another line");
    assert_eq!(name, clean(&name), "a clean name is a clean text");
    assert_eq!(name, clean_name(&name), "a clean name stays as it is");
    if !text.contains(['>', '\u{2800}']) {
        assert_eq!(clean(text), name);
    }
}

/// Every character is shown as it is or as its mark; what prints is shown as it is.
fn nothing_but_marks_is_changed(text: &str, shown: &str) {
    let mut rest = shown;
    for char in text.chars() {
        rest = rest.strip_prefix(char).unwrap_or_else(|| {
            assert!(!prints(char), "{char:?} need not be marked");
            rest.strip_prefix(&mark(char)).expect("a character is shown, or marked")
        });
    }
    assert_eq!("", rest, "nothing is added at the end");
}

fn mark(char: char) -> String {
    match u32::from(char) {
        0x7F => '\u{2421}'.into(),
        number @ 0..0x20 => char::from_u32(0x2400 + number).expect("a control picture").into(),
        number => format!("[U+{number:04X}]"),
    }
}

/// Characters that surely show themselves: ASCII, and whole alphabets without a hidden letter.
fn prints(char: char) -> bool {
    matches!(char, ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{34E}' | '\u{370}'..='\u{58F}'
        | '\u{5D0}'..='\u{5EA}' | '\u{620}'..='\u{6DC}' | '\u{4E00}'..='\u{9FFF}'
        | '\u{AC00}'..='\u{D7A3}' | '\u{1F300}'..='\u{1FAFF}' | '\u{FFFD}')
}

/// No order to a terminal, no line break, and nothing that turns the direction of the text.
fn is_harmless_anywhere(char: char) {
    let turns = matches!(char, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}');
    let breaks = matches!(char, '\u{2028}' | '\u{2029}');
    let hides = matches!(char, '\u{AD}' | '\u{200B}' | '\u{2060}' | '\u{3164}' | '\u{FEFF}');
    assert!(!(char.is_control() || turns || breaks || hides), "{char:?} is shown");
}

/// Tags only behind a black flag, Mongolian selectors only behind a Mongolian letter.
fn hidden_ones_are_at_home(shown: &str) {
    let mut before = ' ';
    for char in shown.chars() {
        let at_home = match char {
            '\u{E0000}'..='\u{E007F}' => matches!(before, '\u{1F3F4}' | '\u{E0000}'..='\u{E007F}'),
            '\u{180B}'..='\u{180F}' => {
                matches!(before, '\u{180B}'..='\u{180F}' | '\u{1820}'..='\u{18AA}')
            }
            _ => true,
        };
        assert!(at_home, "{char:?} behind {before:?}");
        before = char;
    }
}
