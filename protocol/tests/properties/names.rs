//! Names: the conditions on a name, written a second time as a plain list.

use proptest::prelude::*;
use protocol::{NAME_CHARS_MAX, Name, NameError};

proptest! {
    #[test]
    fn a_name_is_kept_byte_for_byte_or_rejected(text in "[a-z 🦀é\u{200d}\t\n\u{1b}\u{85}]{0,40}") {
        let allowed = text.chars().any(|char| !char.is_whitespace() && char != '\u{200d}')
            && !text.chars().any(char::is_control)
            && text.chars().count() <= NAME_CHARS_MAX;
        let name = Name::new(text.as_bytes());
        prop_assert_eq!(allowed, name.is_ok(), "{:?}", name);
        if let Ok(name) = name {
            prop_assert_eq!(text.as_bytes(), name.as_bytes());
            prop_assert_eq!(&text, name.as_str());
            prop_assert_eq!(&text, &name.to_string());
        }
    }

    #[test]
    fn checking_any_bytes_does_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
        let text = str::from_utf8(&bytes);
        match Name::new(&bytes) {
            Err(NameError::NotUtf8 { at }) => {
                prop_assert_eq!(Some(at), text.err().map(|error| error.valid_up_to()));
            }
            _ => prop_assert!(text.is_ok()),
        }
    }
}

#[test]
fn names_without_visible_or_with_control_characters_are_rejected() {
    let long = "é".repeat(NAME_CHARS_MAX + 1);
    for (name, error) in [
        (&b""[..], NameError::Blank),
        (b"   ", NameError::Blank),
        ("\u{a0}\u{3000}".as_bytes(), NameError::Blank),
        ("\u{200b}".as_bytes(), NameError::Blank),
        ("\u{3164} \u{2800}".as_bytes(), NameError::Blank),
        ("\u{202e}nna".as_bytes(), NameError::Control { at: 0, control: '\u{202e}' }),
        ("a\u{2066}b".as_bytes(), NameError::Control { at: 1, control: '\u{2066}' }),
        (b"ann\n", NameError::Control { at: 3, control: '\n' }),
        (b"a\x1b[31mn", NameError::Control { at: 1, control: '\x1b' }),
        (b"a\0n", NameError::Control { at: 1, control: '\0' }),
        (b"ann\x7f", NameError::Control { at: 3, control: '\x7f' }),
        ("é\u{85}".as_bytes(), NameError::Control { at: 2, control: '\u{85}' }),
        (b"caf\xe9", NameError::NotUtf8 { at: 3 }),
        (b"\xed\xa0\x80", NameError::NotUtf8 { at: 0 }),
        (long.as_bytes(), NameError::TooLong { chars: NAME_CHARS_MAX + 1 }),
    ] {
        assert_eq!(Err(error), Name::new(name), "{}", name.escape_ascii());
    }
}

#[test]
fn ordinary_names_are_accepted() {
    let longest = "🦀".repeat(NAME_CHARS_MAX);
    for name in [
        "a",
        " ann b. ",
        "سارا",
        "小明",
        "👩‍🚀",
        "e\u{301}",
        "می\u{200c}خواهم",
        "+5",
        "/nick",
        &longest,
    ] {
        assert_eq!(name, Name::new(name.as_bytes()).unwrap().as_str());
    }
}

#[test]
fn a_numbered_name_can_be_longer_than_the_longest_name() {
    let longest = "é".repeat(NAME_CHARS_MAX);
    let numbered = Name::new(longest.as_bytes()).unwrap().numbered(12);
    assert_eq!(format!("{longest}-12"), numbered.as_str());
}
