//! Token: texts and names of the harness, which differ from all messages of a test.

use std::cell::Cell;
use std::rc::Rc;

use protocol::Pair;

/// Makes tokens that are unique in one test, and recognises them. Clones share the count.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The beginning of every token of this test.
    mark: Rc<str>,
    made: Rc<Cell<u32>>,
}

impl Tokens {
    /// Tokens that differ from those of tests with other seeds.
    pub fn new(seed: u64) -> Self {
        let mark = format!("~{:06x}", mixed(seed) & 0xff_ffff).into();
        Self { mark, made: Rc::new(Cell::new(0)) }
    }

    /// A new text.
    pub fn next(&self) -> String {
        self.made.set(self.made.get() + 1);
        format!("{}.{}", self.mark, self.made.get())
    }

    /// The name of the harness's hidden client.
    pub fn witness(&self) -> String {
        format!("witness{}", self.mark)
    }

    /// Whether a pair comes from the harness: it is a token, or a notice about the hidden client.
    pub fn are_in(&self, pair: &Pair) -> bool {
        let mark = self.mark.as_bytes();
        let holds_mark = |text: &[u8]| text.windows(mark.len()).any(|part| part == mark);
        pair.text.starts_with(mark) || (pair.sender == "server" && holds_mark(&pair.text))
    }
}

/// Mixes a seed's bits, so that neighbouring seeds give unrelated numbers (the finalizer of
/// splitmix64).
pub fn mixed(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_distinguished_from_other_messages() {
        let tokens = Tokens::new(7);
        let pair =
            |sender: &'static str, text: String| Pair { sender: sender.into(), text: text.into() };
        assert!(tokens.are_in(&pair("ann", tokens.next())));
        assert!(tokens.are_in(&pair("server", format!("{} has joined", tokens.witness()))));
        assert!(!tokens.are_in(&pair("ann", format!("say {}", tokens.next()))));
        assert!(!tokens.are_in(&pair("ann", Tokens::new(8).next())));
    }
}
