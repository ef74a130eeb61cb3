//! Headers: random ones compared with the slow decoder, and a list of malformed ones of every kind.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use protocol::{Decoder, FrameError, FrameFault, HEADER_LEN, header, parse_header};

use crate::decode;
use crate::model::fault_of_header;

proptest! {
    #[test]
    fn a_header_is_the_left_justified_number(length in lengths()) {
        let canonical = header(usize::try_from(length).unwrap());
        prop_assert_eq!(format!("{length:<10}"), str::from_utf8(&canonical).unwrap());
        prop_assert_eq!(Ok(Some(length)), parse_header(&canonical));
    }

    #[test]
    fn a_prefix_of_a_header_is_incomplete(spelling in spelling(0..10_000_000_000_u64)) {
        for end in 0..HEADER_LEN {
            prop_assert_eq!(Ok(None), parse_header(&spelling[..end]));
        }
        prop_assert!(matches!(parse_header(&spelling), Ok(Some(_))));
    }

    /// One pass over ten bytes finds what ten passes over one, two, three … bytes find.
    #[test]
    fn a_wrong_byte_is_found_as_soon_as_it_arrives(bytes in vec(header_byte(), 0..=HEADER_LEN)) {
        let whole = parse_header(&bytes);
        let first = (0..=bytes.len()).find_map(|end| parse_header(&bytes[..end]).err());
        prop_assert_eq!(whole.err(), first);
        prop_assert_eq!(fault_of_header(&bytes), first);
    }

    #[test]
    fn bytes_after_a_header_are_not_read(
        spelling in spelling(0..10_000_000_000_u64),
        after in vec(any::<u8>(), 0..20),
    ) {
        let alone = parse_header(&spelling);
        prop_assert_eq!(alone, parse_header(&[&spelling[..], &after].concat()));
    }
}

/// Byte index and fault of each kind of malformed header, alone and after a correct frame.
#[test]
fn malformed_headers_are_reported_at_the_first_wrong_byte() {
    for &(header, at, fault) in MALFORMED {
        assert_eq!(Err((at, fault)), parse_header(header), "{}", header.escape_ascii());
        for segment_bytes in [100, 1] {
            let stream = [b"2         hi", header].concat();
            let error = FrameError { at: 12 + at as u64, fault };
            let decoded = decode(&mut Decoder::new(64), &stream, &[segment_bytes]);
            assert_eq!((vec![b"hi".to_vec()], Some(error)), decoded, "{}", header.escape_ascii());
        }
    }
}

/// A number with zeros and spaces before it and spaces after it, ten bytes in all.
pub(crate) fn spelling(lengths: Range<u64>) -> impl Strategy<Value = Vec<u8>> {
    (lengths, 0..=HEADER_LEN, 0..=HEADER_LEN).prop_map(|(length, digits, end)| {
        let number = format!("{length:0digits$}");
        let end = end.max(number.len());
        format!("{:<10}", format!("{number:>end$}")).into_bytes()
    })
}

/// Every number of digits is equally likely.
fn lengths() -> impl Strategy<Value = u64> {
    (0..=10_u32).prop_flat_map(|digits| 0..10_u64.pow(digits))
}

/// The bytes of correct headers, and some that are wrong in a header.
pub(crate) fn header_byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        8 => b'0'..=b'9',
        6 => Just(b' '),
        1 => select(&b"+-_\t\0/:x"[..]),
        1 => any::<u8>(),
    ]
}

/// The bytes sent, the index of the first wrong one, and why it is wrong.
const MALFORMED: &[(&[u8], usize, FrameFault)] = &[
    (b"+5        ", 0, FrameFault::Byte(b'+')),
    (b"-5        ", 0, FrameFault::Byte(b'-')),
    (b"        -5", 8, FrameFault::Byte(b'-')),
    (b"5-        ", 1, FrameFault::Byte(b'-')),
    (b"1_0       ", 1, FrameFault::Byte(b'_')),
    (b"1,000     ", 1, FrameFault::Byte(b',')),
    (b"5.0       ", 1, FrameFault::Byte(b'.')),
    (b"5e0       ", 1, FrameFault::Byte(b'e')),
    (b"0x05      ", 1, FrameFault::Byte(b'x')),
    (b"a         ", 0, FrameFault::Byte(b'a')),
    (b"1 0       ", 2, FrameFault::Byte(b'0')),
    (b"5        6", 9, FrameFault::Byte(b'6')),
    (b"\t5        ", 0, FrameFault::Byte(b'\t')),
    (b"5\t        ", 1, FrameFault::Byte(b'\t')),
    (b"5        \t", 9, FrameFault::Byte(b'\t')),
    (b"5\n        ", 1, FrameFault::Byte(b'\n')),
    (b"5\r\n       ", 1, FrameFault::Byte(b'\r')),
    (b"5\0\0\0\0\0\0\0\0\0", 1, FrameFault::Byte(0)),
    (b"\0\0\0\0\0\0\0\0\0\0", 0, FrameFault::Byte(0)),
    (b"\xd9\xa5        ", 0, FrameFault::Byte(0xd9)),
    (b"5/        ", 1, FrameFault::Byte(b'/')),
    (b"5:        ", 1, FrameFault::Byte(b':')),
    (b"\xb5         ", 0, FrameFault::Byte(0xb5)),
    (b"GET / HTTP/1.1\r\n", 0, FrameFault::Byte(b'G')),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", 0, FrameFault::Byte(0x16)),
    (b"          ", 0, FrameFault::Blank),
];
