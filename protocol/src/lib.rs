#![doc = include_str!("../SPEC.md")]

mod address;
mod error;
mod frame;
mod header;
mod name;
mod pair;
mod text;

pub use address::ServerAddress;
pub use error::{FrameError, FrameFault};
pub use frame::{Decoder, encode_frame, split_frame};
pub use header::{HEADER_LEN, PAYLOAD_MAX, header, parse_header};
pub use name::{NAME_CHARS_MAX, Name, NameError, is_invisible};
pub use pair::{Pair, PairDecoder, encode_pair, pair, pair_len};
pub use text::to_utf8;
