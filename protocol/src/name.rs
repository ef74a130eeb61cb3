//! Names: which payloads a server accepts as a client's name.

use std::fmt;
use std::str;
use std::sync::Arc;

/// The longest name a client may choose, in characters (SPEC NAM-06).
pub const NAME_CHARS_MAX: usize = 32;

/// A valid name: UTF-8 text of 1 to 32 characters, at least one of them visible, none of them a control
/// character (SPEC NAM-06).
///
/// A name is a copy of the bytes received. A slice of the read buffer would keep the whole buffer in
/// memory for as long as the member stays. Clones of a name share its memory.
///
/// ```
/// use protocol::{Name, NameError};
/// assert_eq!(Name::new("Zoë 🦀".as_bytes()).unwrap().as_str(), "Zoë 🦀");
/// assert_eq!(Name::new(b"  "), Err(NameError::Blank));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// Checks a name as it came from the wire (SPEC NAM-06). The limit in bytes is the decoder's task.
    ///
    /// # Errors
    ///
    /// The first condition that the name does not meet.
    pub fn new(bytes: &[u8]) -> Result<Self, NameError> {
        let name = str::from_utf8(bytes)
            .map_err(|error| NameError::NotUtf8 { at: error.valid_up_to() })?;
        if name.chars().all(|char| char.is_whitespace() || is_invisible(char)) {
            return Err(NameError::Blank);
        }
        if let Some((at, control)) = name.char_indices().find(|(_, char)| is_control(*char)) {
            return Err(NameError::Control { at, control });
        }
        let chars = name.chars().count();
        if chars > NAME_CHARS_MAX {
            return Err(NameError::TooLong { chars });
        }
        Ok(Self(name.into()))
    }

    /// This name, a hyphen and a number: the name of a newcomer whose own is taken (SPEC NAM-05). It can
    /// be longer than [`NAME_CHARS_MAX`].
    ///
    /// ```
    /// assert_eq!(protocol::Name::new(b"ann").unwrap().numbered(2).as_str(), "ann-2");
    /// ```
    #[must_use]
    pub fn numbered(&self, number: usize) -> Self {
        Self(format!("{self}-{number}").into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as the payload of a frame.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Whether a character controls a terminal or the direction of text: Unicode's control characters, and
/// the marks that override or isolate text direction. With such a mark one name can look like another.
fn is_control(char: char) -> bool {
    char.is_control() || matches!(char, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character is invisible by itself: Unicode's `Default_Ignorable_Code_Point`, and the blank
/// pattern of Braille. Joiners and variation selectors are among them, so a name may contain such
/// characters, but it needs at least one visible character too.
pub fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{AD}'
            | '\u{34F}'
            | '\u{61C}'
            | '\u{115F}'..='\u{1160}'
            | '\u{17B4}'..='\u{17B5}'
            | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFF8}'
            | '\u{1BCA0}'..='\u{1BCA3}'
            | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}'
    )
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a name is not valid. The peer that sent it caused the error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Not valid UTF-8 (SPEC UTF-03).
    NotUtf8 {
        /// Index of the first invalid byte.
        at: usize,
    },
    /// No visible character: the name is empty, or all white space and invisible characters.
    Blank,
    /// A control character, such as a line break or ESC (SPEC NAM-03), or a mark that changes text direction.
    Control {
        /// Index of its first byte.
        at: usize,
        /// The character.
        control: char,
    },
    /// More than [`NAME_CHARS_MAX`] characters.
    TooLong {
        /// The number of characters.
        chars: usize,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { at } => write!(f, "a name is UTF-8 text, and byte {at} is not"),
            Self::Blank => f.write_str("a name is at least one visible character"),
            Self::Control { at, control } => {
                write!(f, "a name has no control characters, and byte {at} is {control:?}")
            }
            Self::TooLong { chars } => {
                write!(f, "a name has at most {NAME_CHARS_MAX} characters, and this one {chars}")
            }
        }
    }
}

impl std::error::Error for NameError {}
