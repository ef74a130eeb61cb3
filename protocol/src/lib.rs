#![doc = include_str!("../SPEC.md")]

mod frame;
mod name;
mod pair;
mod text;

pub use frame::{
    Decoder, FrameError, FrameFault, HEADER_LEN, PAYLOAD_MAX, encode_frame, header, parse_header,
};
pub use name::{NAME_CHARS_MAX, Name, NameError, is_invisible};
pub use pair::{Pair, PairDecoder, encode_pair, pair, pair_len};
pub use text::to_utf8;
