//! Corrupt: how each defect changes a client's bytes before the room, and pairs after it.

use std::cmp::Reverse;

use bytes::BytesMut;
use protocol::{Decoder, HEADER_LEN, Pair, encode_frame, header, parse_header};

use crate::defect::Defect;
use crate::extended::corrupt_extension_pair;
use crate::room::Common;

/// One write of a client, as a server with this defect reads it.
pub(crate) fn corrupt_input(defect: Defect, bytes: &[u8]) -> Vec<u8> {
    match defect {
        Defect::LenientNumbers => {
            bytes.iter().map(|byte| if b"+_\t".contains(byte) { b' ' } else { *byte }).collect()
        }
        Defect::PiecesDecoded => String::from_utf8_lossy(bytes).into_owned().into_bytes(),
        _ => bytes.to_vec(),
    }
}

/// Whether these bytes contain a malformed frame.
pub(crate) fn is_malformed(bytes: &[u8]) -> bool {
    let mut frames = Decoder::new(1 << 20);
    frames.feed(bytes);
    loop {
        match frames.next_frame() {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

/// The header at the start of these bytes, if it is valid but not canonical.
pub(crate) fn header_if_odd(bytes: &[u8]) -> Option<Vec<u8>> {
    let spelled = bytes.get(..HEADER_LEN)?;
    let length = usize::try_from(parse_header(spelled).ok()??).ok()?;
    (spelled != header(length)).then(|| spelled.to_vec())
}

/// The `number`th pair of a connection, as a server with this defect sends it.
pub(crate) fn corrupt_pair(defect: Defect, pair: &Pair, number: usize, common: &Common) -> Vec<u8> {
    let (sender, text) = (&pair.sender[..], &pair.text[..]);
    let good = encoded(sender, text);
    match defect {
        Defect::NamesTrimmed => encoded(sender.trim_ascii(), text),
        Defect::NamesCut => encoded(&sender[..sender.len().min(NAME_BYTES_KEPT)], text),
        Defect::RightJustified => {
            [&right_justified(sender)[..], sender, &right_justified(text), text].concat()
        }
        Defect::CharactersCounted => [characters(sender), characters(text)].concat(),
        Defect::HeadersKept => match &common.header {
            Some(header) => [&frame(sender)[..], header, text].concat(),
            None => good,
        },
        Defect::JoinersLost => {
            encoded(sender, String::from_utf8_lossy(text).replace('\u{200c}', "").as_bytes())
        }
        Defect::CutAt4096 => encoded(sender, &text[..text.len().min(4096)]),
        Defect::CutAt65536 => encoded(sender, &text[..text.len().min(65_536)]),
        Defect::EmptyLost if text.is_empty() => Vec::new(),
        Defect::Doubled => [&good[..], &good].concat(),
        Defect::ThirdLost if number.is_multiple_of(3) => Vec::new(),
        // Tokens are relayed correctly: the test has to get past the joining to detect the defect.
        Defect::FramesSwapped if !text.starts_with(b"~") => encoded(text, sender),
        Defect::ControlsLost => {
            let kept: Vec<u8> =
                text.iter().copied().filter(|byte| !byte.is_ascii_control()).collect();
            encoded(sender, &kept)
        }
        Defect::BadTextRelayed => encoded(sender, bad_text(common).unwrap_or(text)),
        Defect::RepairedTextCutAnywhere => bad_text(common).map_or(good, |bad| {
            let repaired = String::from_utf8_lossy(bad);
            encoded(sender, &repaired.as_bytes()[..repaired.len().min(TEXT_BYTES_KEPT)])
        }),
        Defect::NumbersLost | Defect::RejectsSilently if sender == b"server" => Vec::new(),
        Defect::NumbersLost => encoded(sender.strip_suffix(b"-2").unwrap_or(sender), text),
        Defect::OtherServerName if sender == b"server" => encoded(b"*", text),
        _ => corrupt_extension_pair(defect, pair, number, good),
    }
}

/// The last message, if it is not valid UTF-8.
fn bad_text(common: &Common) -> Option<&[u8]> {
    std::str::from_utf8(&common.last).is_err().then_some(&common.last)
}

/// Brings the pairs of one batch into the order in which a server with this defect sends them.
pub(crate) fn reorder(defect: Defect, batch: &mut [Vec<u8>], pairs_seen: usize, connection: usize) {
    let loaded = pairs_seen > LOAD_PAIRS;
    match defect {
        Defect::Reversed => batch.reverse(),
        Defect::ReversedUnderLoad if loaded => batch.reverse(),
        Defect::OwnOrderUnderLoad if loaded && connection.is_multiple_of(4) => {
            batch.sort_by_key(|pair| Reverse(pair[..pair.len().min(SENDER_BYTES)].to_vec()));
        }
        Defect::PartsInterleaved => interleave(batch),
        Defect::PartsInterleavedUnderLoad if loaded => interleave(batch),
        _ => {}
    }
}

/// Exchanges parts of two pairs: both name frames come first, then both messages.
fn interleave(batch: &mut [Vec<u8>]) {
    let [first, second, ..] = batch else { return };
    let parts = (first.split_off(13.min(first.len())), second.split_off(13.min(second.len())));
    second.extend(parts.0);
    second.extend(parts.1);
}

fn right_justified(payload: &[u8]) -> Vec<u8> {
    format!("{:>10}", payload.len()).into_bytes()
}

/// A frame whose header counts characters.
fn characters(payload: &[u8]) -> Vec<u8> {
    let count = String::from_utf8_lossy(payload).chars().count();
    [format!("{count:<10}").as_bytes(), payload].concat()
}

/// A frame in its wire format.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    encode_frame(payload, &mut bytes);
    bytes.to_vec()
}

/// A pair in its wire format.
pub(crate) fn encoded(sender: &[u8], text: &[u8]) -> Vec<u8> {
    protocol::pair(sender, text).into()
}

const NAME_BYTES_KEPT: usize = 32;
/// The limit in the conversation about repaired text.
const TEXT_BYTES_KEPT: usize = 64;
/// More pairs than a client receives in any test without many senders.
const LOAD_PAIRS: usize = 500;
/// A header, and the length of the members' names in the tests with many senders.
const SENDER_BYTES: usize = HEADER_LEN + 7;
