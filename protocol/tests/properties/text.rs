//! Texts: the text relayed for a payload is UTF-8, and it is the payload itself if that is UTF-8.

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::to_utf8;

proptest! {
    #[test]
    fn valid_text_is_relayed_byte_for_byte(text in ".{0,60}") {
        let relayed = to_utf8(text.as_bytes(), text.len());
        prop_assert_eq!(&text, &relayed);
    }

    /// The text is the longest prefix of whole characters that the limit allows.
    #[test]
    fn replaced_text_is_cut_between_characters(
        text in vec(character_or_byte(), 0..20),
        spare in 0..10_usize,
    ) {
        let payload = text.concat();
        let limit = payload.len() + spare;
        let replaced = String::from_utf8_lossy(&payload).into_owned();
        let relayed = to_utf8(&payload, limit);
        prop_assert!(relayed.len() <= limit);
        prop_assert!(replaced.starts_with(&*relayed));
        let next = replaced[relayed.len()..].chars().next();
        prop_assert!(next.is_none_or(|char| relayed.len() + char.len_utf8() > limit));
    }
}

fn character_or_byte() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<char>().prop_map(|char| char.to_string().into_bytes()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ]
}
